"""What a run will take, before it is started: parameters, memory, time and disk.

    python -m training.rlhf plan RECIPE [--json]

RECIPE is a recipe.json or a run directory. The dataset is read and checked as the run would do it, adapters
are looked into, and of the base model only its configuration and tokenizer are read: the passes of the stage
run on a shadow (see `meta_model`). The recipe's longest answer is taken as the length of all answers.

Memory is counted from shapes; allocators and libraries make it inexact by some tenths (measured:
docs/how-it-works.md). Time follows from the counted work and a second of measuring this machine, and may be
wrong by a factor of two. Nothing is written.
"""

import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training.rlhf.errors import RecipeError
from training.rlhf.hardware.device import Machine, Speed, device_for, measure, this_machine
from training.rlhf.model.loading import base_location
from training.rlhf.plan.lengths import lengths_of
from training.rlhf.plan.meta_model import Cost
from training.rlhf.plan.presets import suggest
from training.rlhf.plan.workload import Phase, Workload
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import KEEP_CHECKPOINTS, RunDirectory
from training.rlhf.stages import parse_recipe
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe

TIME_FACTOR = 2  # the honest width of the estimate of time
# Resident before anything is loaded: Python, torch, transformers, trl, peft, datasets, codecarbon; on a gpu
# it is the driver's context and kernels, about as much (not measured).
_LIBRARIES = 500 << 20
_START_SECONDS = 8  # to import them and look for power counters
_PROGRESS_LINE = 700  # bytes
_TRAINER_FILES = 50_000  # bytes: random states, arguments and names that a Trainer keeps in a checkpoint


@dataclass(frozen=True)
class Memory:
    """Bytes at the worst moment, by what holds them."""

    libraries: int
    base_weights: int
    adapters: int
    gradients: int
    adam_moments: int
    working: dict[str, int]  # by phase; they follow each other
    key_value_cache: int  # part of sampling

    @property
    def total(self) -> int:
        steady = self.libraries + self.base_weights + self.adapters + self.gradients + self.adam_moments
        return steady + max(self.working.values())


@dataclass(frozen=True)
class Disk:
    """Bytes that a finished run leaves, and the most it holds while the last checkpoint is written."""

    checkpoints: int
    output: int
    progress: int
    most: int

    @property
    def total(self) -> int:
        return self.checkpoints + self.output + self.progress


@dataclass(frozen=True)
class Plan:
    """All that `plan` prints; seconds and bytes."""

    stage: str
    base_model: str
    parameters: int
    trainable_parameters: int
    rows: int
    longest_input_tokens: int
    memory: Memory
    disk: Disk
    seconds: dict[str, float]
    machine: Machine
    speed: Speed
    disk_free: int
    suggested: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        total = sum(self.seconds.values())
        plan = asdict(self)
        plan["memory"]["total"], plan["disk"]["total"] = self.memory.total, self.disk.total
        plan["seconds"] |= {"total": total, "low": total / TIME_FACTOR, "high": total * TIME_FACTOR}
        return plan


def read_recipe(path: Path) -> tuple[RunDirectory, Recipe]:
    """The recipe of a run directory or of a file, with the directory that its paths start from."""
    if path.is_dir():
        directory = RunDirectory(path)
        return directory, directory.recipe()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"There is no readable recipe {path}: {error}.") from error
    return RunDirectory(path.parent), parse_recipe(text)


def make_plan(directory: RunDirectory, recipe: Recipe) -> Plan:
    """Plan a run; errors are those that the run itself would end with."""
    device = device_for(recipe.device)
    location = base_location(directory, recipe)
    lengths = lengths_of(directory, recipe, location)
    workload = Workload(directory, recipe, location, lengths)
    machine = this_machine(device)
    memory, phases = _memory(workload), workload.phases()
    speed = measure(recipe.threads, _multiplied_in(recipe, machine), device)
    return Plan(
        stage=recipe.stage,
        base_model=recipe.base_model,
        parameters=workload.parameters,
        trainable_parameters=workload.trainable,
        rows=lengths.rows,
        longest_input_tokens=lengths.longest,
        memory=memory,
        disk=_disk(workload, location),
        seconds={"start": _START_SECONDS} | {phase.name: _seconds(phase, speed) for phase in phases},
        machine=machine,
        speed=speed,
        disk_free=shutil.disk_usage(directory.path).free,
        suggested=suggest(
            recipe, workload.parameters, machine, lambda tried: _memory(workload.with_recipe(tried)).total
        ),
    )


def _multiplied_in(recipe: Recipe, machine: Machine) -> torch.dtype:
    mixed = isinstance(recipe, SFTRecipe) and recipe.mixed_precision and machine.bfloat16
    return torch.bfloat16 if mixed else getattr(torch, recipe.dtype)


def _memory(workload: Workload) -> Memory:
    trained = 4 * workload.trainable
    return Memory(
        libraries=_LIBRARIES,
        base_weights=workload.base_bytes,
        adapters=workload.adapter_bytes,
        gradients=trained,
        adam_moments=2 * trained,
        # A counted update makes its gradients, which have a line of their own.
        working={
            phase.name: phase.kept_bytes + max(0, phase.cost.peak_bytes - trained * phase.learns)
            for phase in workload.phases()
            if phase.cost.peak_bytes or phase.kept_bytes
        },
        key_value_cache=workload.cache_bytes,
    )


def _seconds(phase: Phase, speed: Speed) -> float:
    cost: Cost = phase.cost
    matmuls = max(cost.flops / speed.flops, cost.matmul_bytes / speed.bytes)
    once = matmuls + cost.other_bytes / speed.bytes + cost.calls * speed.call_seconds
    return phase.times * phase.share * once


def _disk(workload: Workload, location: str) -> Disk:
    recipe, learned = workload.recipe, 4 * workload.trainable
    checkpoint, steps = 0, workload.steps
    if isinstance(recipe, PPORecipe):
        # Policy, its two moments and the last good policy; the value head with its moments.
        checkpoint = 4 * learned + 3 * 4 * (workload.hidden + 1)
        kept = min(KEEP_CHECKPOINTS, steps // recipe.checkpoint_every)
        output = learned
    elif isinstance(recipe, SFTRecipe | RewardRecipe):
        checkpoint = 3 * learned + _tokenizer_bytes(location) + _TRAINER_FILES
        kept = min(KEEP_CHECKPOINTS, math.ceil(steps / recipe.checkpoint_every))
        members = recipe.ensemble_size if isinstance(recipe, RewardRecipe) else 1
        output = members * (learned + _tokenizer_bytes(location))
    else:
        kept = output = 0
    output += workload.text_bytes
    progress = _PROGRESS_LINE * workload.progress_lines
    return Disk(
        checkpoints=kept * checkpoint,
        output=output,
        progress=progress,
        # A new checkpoint is whole before the oldest goes.
        most=min(steps, kept + 1) * checkpoint + output + progress,
    )


def _tokenizer_bytes(location: str) -> int:
    """Size of the tokenizer's files that the stages write again; 0 for a hub model."""
    names = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    return sum(path.stat().st_size for name in names if (path := Path(location) / name).is_file())


def describe(plan: Plan) -> str:
    """The plan for a reader in a terminal."""
    memory, disk, machine = plan.memory, plan.disk, plan.machine
    total = sum(plan.seconds.values())
    trainable = f"{plan.trainable_parameters:,} ({plan.trainable_parameters / plan.parameters:.2%})"
    lines = [
        f"{plan.stage} of {plan.base_model}",
        f"  parameters   {plan.parameters:,} in the base, {trainable} trainable",
        f"  data         {plan.rows:,} rows, inputs of up to {plan.longest_input_tokens} tokens",
        f"  memory       about {_size(memory.total)} of this {_name(machine)}'s {_size(machine.memory)}",
        f"                 base weights {_size(memory.base_weights)}, adapters {_size(memory.adapters)}, "
        f"gradients {_size(memory.gradients)}, Adam {_size(memory.adam_moments)}, "
        f"libraries {_size(memory.libraries)}",
        "                 at work: " + ", ".join(f"{k} {_size(v)}" for k, v in memory.working.items()),
    ]
    if memory.key_value_cache:
        lines.append(f"                 the key-value cache is {_size(memory.key_value_cache)} of sampling")
    lines += [
        f"  time         about {_time(total)}: between {_time(total / TIME_FACTOR)} and "
        f"{_time(total * TIME_FACTOR)}, a guess by a factor of two",
        "                 " + ", ".join(f"{name} {_time(each)}" for name, each in plan.seconds.items()),
        f"  disk         {_size(disk.total)} (checkpoints {_size(disk.checkpoints)}, output "
        f"{_size(disk.output)}), {_size(disk.most)} at most; {_size(plan.disk_free)} are free",
    ]
    if memory.total > machine.memory:
        lines.append(f"  This {_name(machine)} has not enough memory for it.")
    if disk.most > plan.disk_free:
        lines.append("  The disk has not enough room for it.")
    if plan.suggested:
        lines += ["settings that fit this machine:", json.dumps({plan.stage: plan.suggested}, indent=2)]
    return "\n".join(lines)


def _name(machine: Machine) -> str:
    return "GPU" if machine.device == "gpu" else "machine"


def _size(count: float) -> str:
    power = min(4, int(math.log10(max(1.0, count))) // 3)
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def _time(seconds: float) -> str:
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} s"
