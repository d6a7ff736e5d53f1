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
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import torch

from benchmarks.ppo.ceilings import floors, measure
from benchmarks.ppo.sides import PHASES, SETTINGS, Figures, run_ours, run_peer
from benchmarks.processes import ROOT
from benchmarks.task import CONFIGURATIONS, SHAPES, Shape, prepare
from training.rlhf.hardware.device import device_for, what_was_used

RESULTS = ROOT / "build/bench/ppo.json"


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
