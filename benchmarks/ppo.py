"""PPO of the engine against PPOTrainer of TRL 1.12, the last version that had one.

    make bench-ppo                                         the shapes of docs/performance.md
    python -m benchmarks.ppo --shape smollm2-135m --dtype bfloat16 --pairs 2
    python -m benchmarks.ppo --shape qwen3-0.6b --device cuda --pairs 2

Both train the same base with the same LoRA, reward model, prompts, batch, minibatches and passes; the runs
alternate, ours first, each in a process of its own, and the first iteration of each is left out. A ratio is
ours over TRL's, pair by pair, in seconds per iteration and in peak memory: resident, or on a GPU what its
tensors take. There both sides train in bfloat16 unless set otherwise. Prints a table and writes
build/bench/ppo.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.ceilings import floors, measure
from benchmarks.task import CONFIGURATIONS, ROOT, SHAPES, Shape, Task, prepare
from training.rlhf.hardware.device import device_for, what_was_used
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages.ppo.recipe import PPORecipe

PEER = ROOT / "build/trl-1.12/bin/python"
RESULTS = ROOT / "build/bench/ppo.json"
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


def main() -> None:
    options = parse()
    changes = {
        name: getattr(options, name)
        for name in (
            "batch_size",
            "minibatches",
            "micro_batch_size",
            "prompt",
            "response",
            "dtype",
            "peer_dtype",
        )
    }
    if options.device == "cuda":
        changes |= {name: changes[name] or "bfloat16" for name in ("dtype", "peer_dtype")}
    shape = replace(
        SHAPES[options.shape], **{name: value for name, value in changes.items() if value is not None}
    )
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        task = prepare(shape, Path(scratch))
        settings = SETTINGS | {
            "threads": options.threads,
            "device": options.device,
            "iterations": options.iterations,
            "learning_rate": 1e-3 if shape.name == "starter" else 1e-5,
        }
        pairs = [(run_ours(task, settings, i), run_peer(task, settings, i)) for i in range(options.pairs)]
    report(shape, pairs, device_for(options.device))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="smollm2-135m")
    parser.add_argument("--batch-size", type=int, help="answers")
    parser.add_argument("--minibatches", type=int)
    parser.add_argument("--micro-batch-size", type=int, help="answers in one pass of ours")
    parser.add_argument("--prompt", type=int, help="tokens")
    parser.add_argument("--response", type=int, help="tokens")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="of the base weights, in ours")
    parser.add_argument("--peer-dtype", choices=("float32", "bfloat16"), help="of the base weights, in TRL")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of both")
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


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
    run = create_run(task.folder / f"ours-{number}", recipe)
    memory = peak_memory([sys.executable, "-m", "training.rlhf", "ppo", str(run.path)])
    lines = [json.loads(line)["metrics"] for line in (run.path / "progress.jsonl").read_text().splitlines()]
    rows = [
        {phase: line[f"{phase}_seconds"] for phase in PHASES[:-1]} | {"seconds": line["seconds"]}
        for line in lines
    ]
    penalty = settings["missing_eos_penalty"]
    scores = [line["score"] - penalty * (1 - line["eos_rate"]) for line in lines]
    used = json.loads((run.path / "result.json").read_text())["gpu_peak_bytes"]
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
    memory = peak_memory([str(PEER), str(ROOT / "benchmarks/trl_ppo.py"), str(config)])
    measured = json.loads(result.read_text())
    peaks = summary(measured["iterations"], memory, measured["gpu_peak_bytes"])
    return peaks | {"scores": measured["scores"], "kl": measured["kl"]}


def peak_memory(command: list[str]) -> float:
    """Run a command to its end; its peak resident memory in MiB."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{log.read()[-3000:]}")
    return usage.ru_maxrss / 1024


def summary(rows: list[dict[str, float]], memory: float, gpu_peak_bytes: int | None) -> Figures:
    """Medians over all iterations but the first, which pays for caches and threads; memory in MiB.

    `memory_mib` is what is compared: resident memory, or that of a GPU's tensors.
    """
    gpu = None if gpu_peak_bytes is None else gpu_peak_bytes / 2**20
    medians = {phase: statistics.median(row[phase] for row in rows[1:]) for phase in PHASES}
    peaks = {"peak_mib": memory, "gpu_peak_mib": gpu, "memory_mib": memory if gpu is None else gpu}
    return medians | peaks | {"iterations": rows}


def report(shape: Shape, pairs: list[tuple[Figures, Figures]], device: torch.device) -> None:
    tokens = shape.batch_size * shape.response
    columns = (*PHASES, "tokens/s", "peak MiB", "GPU MiB")
    print(f"{shape}\n\n{'':8}" + "".join(f"{name:>10}" for name in columns))
    for pair in pairs:
        for name, side in zip(("ours", "TRL"), pair, strict=True):
            cells = "".join(f"{side[phase]:10.2f}" for phase in PHASES)
            gpu = f"{side['gpu_peak_mib']:10.0f}" if side["gpu_peak_mib"] is not None else f"{'-':>10}"
            print(f"{name:8}{cells}{tokens / side['seconds']:10.1f}{side['peak_mib']:10.0f}{gpu}")
    figures: Figures = {
        "shape": asdict(shape),
        "device": what_was_used(device)["device"],
        "pairs": [
            {"time": ours["seconds"] / trl["seconds"], "memory": ours["memory_mib"] / trl["memory_mib"]}
            for ours, trl in pairs
        ],
        "runs": [{"ours": ours, "trl": trl} for ours, trl in pairs],
    }
    for i, ratio in enumerate(figures["pairs"], 1):
        print(f"pair {i}: time {ratio['time']:.3f}, memory {ratio['memory']:.3f} of TRL's")
    for name in ("time", "memory"):
        figures[f"{name}_ratio"] = statistics.median(ratio[name] for ratio in figures["pairs"])
    print(f"medians: time {figures['time_ratio']:.3f}, memory {figures['memory_ratio']:.3f}")
    if shape.name in CONFIGURATIONS:
        figures |= print_floors(shape, pairs[-1][0], device)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    where = "" if device.type == "cpu" else f" on {device.type}"
    known[f"{shape.name} {shape.dtype} against {shape.peer_dtype}{where}"] = figures
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")


def print_floors(shape: Shape, ours: Figures, device: torch.device) -> Figures:
    """How close each phase comes to what the device could do."""
    ceilings = measure(getattr(torch, shape.dtype), device)
    print(f"\nthis device: {ceilings.flops / 1e9:.0f} GFLOP/s, {ceilings.bandwidth / 1e9:.1f} GB/s")
    least = floors(shape, ceilings)
    for phase, seconds in least.items():
        print(f"{phase:8} at least {seconds:6.2f} s, took {ours[phase]:6.2f} s: {seconds / ours[phase]:.0%}")
    return {"ceilings": asdict(ceilings), "floors": least}


if __name__ == "__main__":
    main()
