"""What a run will take, before it is started: parameters, memory, time and disk.

    python -m training.rlhf plan RECIPE [--json]

RECIPE is a recipe.json or a run directory. The dataset and the adapters are read and checked as the run would
do it, and of the base model only its configuration and tokenizer are read: the passes of the stage run on a
model without numbers (see `meta_model` and `layers`). All answers are taken to be as long as the recipe's
longest.

Memory is counted from shapes; allocators and libraries make it inexact by some tenths (measured:
docs/how-it-works.md). Time follows from the counted work and a second of measuring this machine, and may be
wrong by a factor of two. Nothing is written.
"""

import json
import math
import shutil
from dataclasses import asdict, dataclass
from typing import Any

from training.rlhf.hardware.device import Machine, Speed, device_for, measure, this_machine
from training.rlhf.model.base_check import require_usable_base
from training.rlhf.model.loading import base_location
from training.rlhf.plan.meta_model import Cost
from training.rlhf.plan.presets import suggest
from training.rlhf.plan.workload import Phase, Workload
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES

TIME_FACTOR = 2  # the honest width of the estimate of time
# Resident before anything is loaded: Python, torch, transformers, trl, peft, datasets, codecarbon; on a gpu
# it is the driver's context and kernels, about as much (not measured).
_LIBRARIES = 500 << 20
_START_SECONDS = 8  # to import them and look for power counters
_PROGRESS_LINE = 700  # bytes


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


def make_plan(directory: RunDirectory, recipe: Recipe) -> Plan:
    """Plan a run; errors are those that the run itself would end with."""
    device = device_for(recipe.device)
    require_usable_base(directory, recipe)
    location = base_location(directory, recipe)
    workload = STAGES[recipe.stage].workload(directory, recipe, location)
    machine = this_machine(device)
    memory = count_memory(workload)
    speed = measure(recipe.threads, workload.matmul_dtype(machine), device)
    return Plan(
        stage=recipe.stage,
        base_model=recipe.base_model,
        parameters=workload.parameters,
        trainable_parameters=workload.trainable,
        rows=workload.lengths.rows,
        longest_input_tokens=workload.lengths.longest,
        memory=memory,
        disk=_disk(workload),
        seconds=count_seconds(workload, speed),
        machine=machine,
        speed=speed,
        disk_free=shutil.disk_usage(directory.path).free,
        suggested=suggest(
            recipe,
            workload.parameters,
            machine,
            lambda tried: count_memory(workload.with_recipe(tried)).total,
        ),
    )


def count_memory(workload: Workload[Any]) -> Memory:
    """The memory that a run takes at its worst moment."""
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
            for phase in workload.phases
            if phase.cost.peak_bytes or phase.kept_bytes
        },
        key_value_cache=workload.cache_bytes,
    )


def count_seconds(workload: Workload[Any], speed: Speed) -> dict[str, float]:
    """The seconds of a run's phases on a machine of this speed."""
    return {"start": _START_SECONDS} | {phase.name: _seconds(phase, speed) for phase in workload.phases}


def _seconds(phase: Phase, speed: Speed) -> float:
    cost: Cost = phase.cost
    matmuls = max(cost.flops / speed.flops, cost.matmul_bytes / speed.bytes)
    once = matmuls + cost.other_bytes / speed.bytes + cost.calls * speed.call_seconds
    return phase.times * phase.share * once


def _disk(workload: Workload[Any]) -> Disk:
    size, kept = workload.checkpoint_bytes, workload.checkpoints
    output, progress = workload.output_bytes, _PROGRESS_LINE * workload.progress_lines
    return Disk(
        checkpoints=kept * size,
        output=output,
        progress=progress,
        # A new checkpoint is whole before the oldest goes.
        most=min(workload.steps, kept + 1) * size + output + progress,
    )


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
