"""Whether PPO of the engine and TRL's last PPOTrainer learn alike: the reward of their answers, side by side.

    python -m benchmarks.ppo_learning --iterations 30 --seeds 0 1 2

Both train the starter, as in `ppo.py`, for a reward model that was trained on simulated volunteers' rankings
of the starter's answers. Its head is scaled so that the starter's answers have deviation 1: TRL does not
normalise scores, and the price of KL and the penalty for a missing EOS weigh the same in both. Runs
alternate. Prints reward (the penalty included) and KL along the way, over seeds, and writes
build/bench/ppo_learning.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.ppo.sides import SETTINGS, run_ours, run_peer
from benchmarks.processes import ROOT
from benchmarks.reward.preferences import demonstration
from benchmarks.task import CORPUS, SHAPES, Task, prepare
from training.rlhf.model.adapters import WEIGHTS, SharedBase
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.reward_head import SCORE, load_reward, score_sequences
from training.rlhf.model.sampling import Sampling, sample
from training.rlhf.rundir import create_run, dataset_file
from training.rlhf.stages.reward.recipe import RewardRecipe

RESULTS = ROOT / "build/bench/ppo_learning.json"
_PARTS = 6  # of the iterations, each a row


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        task = prepare(SHAPES["starter"], Path(scratch))
        task = replace(task, reward=trained_reward(task, options))
        settings = SETTINGS | {
            "threads": options.threads,
            "iterations": options.iterations,
            "learning_rate": options.learning_rate,
            "kl_coef": options.kl_coef,
        }
        runs = []
        for seed in options.seeds:
            seeded = settings | {"seed": seed}
            runs.append({"ours": run_ours(task, seeded, seed), "trl": run_peer(task, seeded, seed)})
    report(runs, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--comparisons", type=int, default=600, help="that the reward model learns from")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--kl-coef", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def trained_reward(task: Task, options: argparse.Namespace) -> Path:
    """A reward adapter from rankings of the base's answers, scaled to deviation 1 on others of them."""
    rows = demonstration(task.base, corpus=CORPUS, comparisons=options.comparisons, threads=options.threads)
    path = task.folder / "preferences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = RewardRecipe(base_model=str(task.base), dataset=dataset_file(path), threads=options.threads)
    run = create_run(task.folder / "reward-run", recipe)
    subprocess.run(
        [sys.executable, "-m", "training.rlhf", "reward", str(run.path)],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    deviation = float(scores_of(task, run.output).std())
    weights = load_file(run.output / WEIGHTS)
    weights[SCORE] = weights[SCORE] / deviation
    save_file(weights, run.output / WEIGHTS)
    return run.output


def scores_of(task: Task, folder: Path) -> torch.Tensor:
    """What the reward model says of one answer of the base to each prompt."""
    tokenizer = load_tokenizer(str(task.base))
    base = SharedBase(load_base(str(task.base), task.shape.dtype))
    model = load_reward(base, folder)
    eos, pad = int(tokenizer.eos_token_id), int(tokenizer.pad_token_id)
    how = Sampling(task.shape.response, SETTINGS["temperature"], 1.0, (eos,), pad)
    with base.use(None) as plain:
        answers = sample(plain, task.token_ids, how, seed=7)
    whole = [
        [*prompt, *answer.completed([eos])] for prompt, answer in zip(task.token_ids, answers, strict=True)
    ]
    return score_sequences(base, model, whole, pad)[0]


def report(runs: list[dict[str, Any]], options: argparse.Namespace) -> None:
    print(
        f"\nreward and KL, means over {len(runs)} seeds and the iterations named (± deviation over seeds)\n"
    )
    print(f"{'iterations':>11}{'ours':>16}{'TRL':>16}{'KL ours':>10}{'KL TRL':>10}")
    rows = []
    size = max(1, options.iterations // _PARTS)
    for start in range(0, options.iterations, size):
        part = slice(start, start + size)
        row: dict[str, Any] = {"first": start, "last": min(start + size, options.iterations) - 1}
        for side in ("ours", "trl"):
            rewards = [mean(run[side]["scores"][part]) for run in runs]
            row[side] = {
                "reward": mean(rewards),
                "deviation": stdev(rewards) if len(rewards) > 1 else 0.0,
                "kl": mean(mean(run[side]["kl"][part]) for run in runs),
            }
        rows.append(row)
        named = f"{row['first'] + 1} to {row['last'] + 1}"
        cells = "".join(f"{row[s]['reward']:>9.2f} ± {row[s]['deviation']:.2f}" for s in ("ours", "trl"))
        print(f"{named:>11}{cells}{row['ours']['kl']:>10.2f}{row['trl']['kl']:>10.2f}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(
        json.dumps({"settings": vars(options), "table": rows, "runs": runs}, indent=2, default=str) + "\n"
    )
    print(f"\nWritten to {RESULTS.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
