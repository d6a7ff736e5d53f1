"""The two sides of a comparison of PPO: the engine, and TRL in its own environment."""

import json
import statistics
import sys
from dataclasses import asdict
from typing import Any

from benchmarks.processes import ROOT, run
from benchmarks.task import Task
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages.ppo.recipe import PPORecipe

PEER = ROOT / "build/trl-1.12/bin/python"
PHASES = ("rollout", "scoring", "update", "seconds")
# The settings of both sides, beside the shape.
SETTINGS: dict[str, Any] = {
    "temperature": 0.7,
    "kl_coef": 0.2,
    "missing_eos_penalty": 2.0,
    "lora_alpha": 32,
    "seed": 0,
}

Figures = dict[str, Any]


def run_ours(task: Task, settings: dict[str, Any], number: int) -> Figures:
    """Train with the engine, in a process of its own."""
    shape = task.shape
    recipe = PPORecipe(
        base_model=str(task.base),
        dataset=dataset_file(task.prompts),
        reward_adapter=str(task.reward),
        dtype=shape.dtype,
        batch_size=shape.batch_size,
        minibatches=shape.minibatches,
        micro_batch_size=shape.micro_batch_size,
        epochs=shape.epochs,
        lora_r=shape.lora_r,
        max_new_tokens=shape.response,
        steps=settings["iterations"],
        calibration_answers=shape.batch_size,
        kl_stop=1e9,
        kl_epoch_stop=1e9,
        checkpoint_every=10**6,
        samples_every=10**6,
        **{name: value for name, value in settings.items() if name != "iterations"},
    )
    directory = create_run(task.folder / f"ours-{number}", recipe)
    memory = run([sys.executable, "-m", "training.rlhf", "ppo", str(directory.path)]).peak_mib
    lines = [
        json.loads(line)["metrics"] for line in (directory.path / "progress.jsonl").read_text().splitlines()
    ]
    rows = [
        {phase: line[f"{phase}_seconds"] for phase in PHASES[:-1]} | {"seconds": line["seconds"]}
        for line in lines
    ]
    penalty = settings["missing_eos_penalty"]
    scores = [line["score"] - penalty * (1 - line["eos_rate"]) for line in lines]
    used = json.loads((directory.path / "result.json").read_text())["gpu_peak_bytes"]
    return summary(rows, memory, used) | {"scores": scores, "kl": [line["kl"] for line in lines]}


def run_peer(task: Task, settings: dict[str, Any], number: int) -> Figures:
    """Train with TRL in its own environment."""
    config, result = task.folder / f"trl-{number}.json", task.folder / f"trl-{number}-result.json"
    values = (
        asdict(task.shape)
        | settings
        | {
            "dtype": task.shape.peer_dtype,
            "folder": str(task.folder),
            "base": str(task.base),
            "reward": str(task.reward),
            "prompts": task.token_ids,
            "result": str(result),
        }
    )
    config.write_text(json.dumps(values))
    memory = run([str(PEER), str(ROOT / "benchmarks/ppo/trl.py"), str(config)]).peak_mib
    measured = json.loads(result.read_text())
    peaks = summary(measured["iterations"], memory, measured["gpu_peak_bytes"])
    return peaks | {"scores": measured["scores"], "kl": measured["kl"]}


def summary(rows: list[dict[str, float]], memory: float, gpu_peak_bytes: int | None) -> Figures:
    """Medians over all iterations but the first, which pays for caches and threads; memory in MiB.

    `memory_mib` is what is compared: resident memory, or that of a GPU's tensors.
    """
    gpu = None if gpu_peak_bytes is None else gpu_peak_bytes / 2**20
    medians = {phase: statistics.median(row[phase] for row in rows[1:]) for phase in PHASES}
    peaks = {"peak_mib": memory, "gpu_peak_mib": gpu, "memory_mib": memory if gpu is None else gpu}
    return medians | peaks | {"iterations": rows}
