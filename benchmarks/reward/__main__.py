"""The reward stage against TRL's own RewardTrainer on pairs: speed and accuracy.

    python -m benchmarks.reward --base FOLDER [--data demonstration hh_rlhf llmfao] [--seeds 0 1 2]

Both learn the same LoRA and head on the same base from the same pairs, with the settings of the reward
recipe and what `plan` suggests for the base's size, so many pairs a step. They run in turn, A B A B …, each
in a process of its own; what is timed is the training alone, from the first step to the last. The pairs are

- demonstration: the base's own answers to its corpus, four different ones a comparison, each comparison
  ranked once by a simulated volunteer; tied pairs are left out, as the export does
- hh_rlhf: conversations of Anthropic's harmless-base test split, judged by a person each
- llmfao: the majorities of a crowd's votes about pairs of chatbots' answers

of which the last two are skipped where --votes, the folder above theirs, does not have them. Accuracy is
over pairs of prompts held out from training, with a bootstrap interval over prompts. Prints a table and
writes build/bench/reward.json: for each data set the median ratio of comparisons per second and every run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.processes import ROOT
from benchmarks.reward.preferences import Rows, demonstration, hh_rlhf, llmfao, thinned
from benchmarks.reward.trainers import TRAINERS, work
from benchmarks.task import CORPUS

DATA = ("demonstration", "hh_rlhf", "llmfao")


def main() -> None:
    options = _parser().parse_args()
    if options.worker:
        print(json.dumps(work(options.worker, options.rows, options)))
        return
    settings = {name: str(value) for name, value in vars(options).items() if name not in ("rows", "worker")}
    report: dict[str, Any] = {"settings": settings}
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.data:
            rows = read(name, options)
            if not rows:
                print(f"{name}: skipped, no data")
                continue
            path = Path(scratch) / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            report[name] = compare(name, path, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\nWritten to {options.out}.")


def read(name: str, options: argparse.Namespace) -> Rows:
    """The rows of one data set; none where its files are not there."""
    if name == "demonstration":
        return demonstration(
            options.base, corpus=CORPUS, comparisons=options.comparisons, threads=options.threads
        )
    source, folder = {
        "hh_rlhf": (hh_rlhf, options.votes / "hh-rlhf"),
        "llmfao": (llmfao, options.votes / "llmfao"),
    }[name]
    if not folder.is_dir():
        return []
    return thinned(source(folder), learned=options.pairs, held_out=options.held_out)


def compare(name: str, data: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both trainers in turn, once for each seed; returns the ratios and the runs."""
    runs: list[dict[str, Any]] = []
    print(f"\n{name}\nseed  trainer  comparisons/s  seconds  accuracy [95 %]        pairs  ratio")
    ratios = []
    for seed in options.seeds:
        for trainer in TRAINERS:
            run = in_process(trainer, data, seed, options)
            runs.append(run)
            ratio = ""
            if trainer == TRAINERS[-1]:
                ratios.append(runs[-2]["comparisons_per_second"] / run["comparisons_per_second"])
                ratio = f"{ratios[-1]:.2f}"
            low, high = run["accuracy_interval"]
            accuracy = f"{run['accuracy']:.3f} [{low:.3f}, {high:.3f}]"
            pairs = f"{run['pairs']}+{run['held_out_pairs']}"
            print(
                f"{seed:>4} {trainer:>8} {run['comparisons_per_second']:>14.2f} {run['seconds']:>8.1f}  "
                f"{accuracy} {pairs:>9} {ratio:>6}",
                flush=True,
            )
    accuracies = {
        trainer: mean(run["accuracy"] for run in runs if run["trainer"] == trainer) for trainer in TRAINERS
    }
    print(f"median ratio {median(ratios):.2f}; mean accuracy " + ", ".join(
        f"{trainer} {accuracy:.3f}" for trainer, accuracy in accuracies.items()
    ))  # fmt: skip
    return {"ratio": median(ratios), "ratios": ratios, "accuracy": accuracies, "runs": runs}


def in_process(trainer: str, data: Path, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One training in a process of its own; what it reports."""
    command = [sys.executable, "-m", "benchmarks.reward", "--worker", trainer, "--rows", str(data)]
    command += ["--base", str(options.base), "--seeds", str(seed), "--threads", str(options.threads)]
    command += ["--max-steps", str(options.max_steps), "--max-length", str(options.max_length)]
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{trainer} failed:\n{done.stderr}")
    ended: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reward", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model of both")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--votes", type=Path, default=ROOT.parent / "shared/data", help="folder of people's")
    parser.add_argument("--comparisons", type=int, default=600, help="comparisons of the demonstration")
    parser.add_argument("--pairs", type=int, default=400, help="training pairs of people's votes")
    parser.add_argument("--held-out", type=int, default=400, help="held-out pairs of people's votes")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="one of each trainer for each"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-steps", type=int, default=0, help="steps of a training; 0: as the recipe says")
    parser.add_argument("--max-length", type=int, default=512, help="longer pairs are left out")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/reward.json")
    parser.add_argument("--worker", choices=TRAINERS, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
