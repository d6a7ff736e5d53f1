"""How many votes choosing the answers, and stopping early, saves: the policy's win rate by votes.

    make bench-sampling
    python -m benchmarks.sampling [--policy best-of-n|ppo] [--rules ...] [--overlaps ...] [--votes ...]

The starter answers questions of its corpus, and simulated volunteers rank the answers by gold labels. A first
round, the same for all, is chosen by chance and ranked three times; its reward model scores the candidates of
the second round. That is collected in different ways: a rule says which answers are compared (`uniform` is
chance), an overlap how often: `3` is three times, `2-5` twice, and up to five times where people disagree.
A reward model learns from both rounds, and a policy from it, which meets the starter on held-out questions;
gold labels judge, ties as half. The policy is the best of 16 answers by the reward model (seconds), or that
of PPO (minutes).

The share of votes saved at a number of votes is that of the second round which a way needs less than three
votes by chance do, at the win rate that those reach; both are read from the line through win rate and
logarithm of the votes. Results are kept below --out by rule, overlap, seed and votes: a run that was stopped
goes on, and a larger one takes over what is there.
"""

import argparse
import json
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from benchmarks.processes import ROOT
from benchmarks.sampling.collecting import Way, collect
from benchmarks.sampling.learning import measure, score_candidates, train_reward
from benchmarks.sampling.material import Material
from benchmarks.sampling.savings import saved_shares
from ranking.statistics.sampling import RULES

REFERENCE = Way("uniform", "3")
POLICIES = ("best-of-n", "ppo")


def main() -> None:
    options = parse()
    options.out = options.out.resolve()
    torch.set_num_threads(options.threads)
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)
    ways = dict.fromkeys([REFERENCE, *(Way(*each) for each in product(options.rules, options.overlaps))])
    for seed in options.seeds:
        material = Material.make(options, seed)
        for votes in options.votes:
            for way in ways:
                result(material, way, votes, options)
    report(list(ways), options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sampling", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--policy", choices=POLICIES, default="best-of-n")
    add("--rules", nargs="+", choices=["uniform", *RULES], default=["uniform", *RULES])
    add("--overlaps", nargs="+", default=["1", "2-5"], help="beside `3` by chance, which all is measured by")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    add("--votes", type=int, nargs="+", default=[75, 150, 300, 600], help="of the second round")
    add("--first", type=int, default=99, help="votes of the first round")
    add("--answers", type=int, default=4, help="in a comparison")
    add("--candidates", type=int, default=2, help="answers sampled for each that is compared")
    add("--questions", type=int, default=10_000, help="at most so many to learn from, and a quarter held out")
    add("--steps", type=int, help="of PPO; otherwise as many as its recipe says")
    add("--threads", type=int, default=2)
    add("--out", type=Path, default=ROOT / "build/bench/sampling")
    return parser.parse_args()


def result(material: Material, way: Way, votes: int, options: argparse.Namespace) -> dict[str, Any]:
    """What a way of collecting so many votes comes to: measured, unless it was."""
    path = result_path(way, material.seed, votes, options)
    if not path.exists():
        began = time.monotonic()
        first = collect(material, REFERENCE, options.first, None)
        scores = score_candidates(material, first) if way.rule in RULES else None
        second = collect(material, way, votes, scores, after=first)
        reward = train_reward(material, first.rows + second.rows)
        found = {"comparisons": second.comparisons, **measure(material, reward, options)}
        found["seconds"] = round(time.monotonic() - began, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        temporary.rename(path)
        print(
            f"seed {material.seed}, {votes} votes, {way}: {found['comparisons']} comparisons, accuracy "
            f"{found['accuracy']:.3f}, win rate {found['win_rate']:.3f} ({found['seconds']} s)",
            flush=True,
        )
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return stored


def result_path(way: Way, seed: int, votes: int, options: argparse.Namespace) -> Path:
    given = ("policy", "first", "answers", "candidates", "questions", "steps")
    settings = "-".join(str(vars(options)[name]) for name in given)
    folder: Path = options.out / "results" / settings
    return folder / f"{way.rule}-{way.overlap}-{seed}-{votes}.json"


def report(ways: list[Way], options: argparse.Namespace) -> None:
    """Print win rates and savings, means over the seeds, and keep them as savings.json."""
    found = {way: _win_rates(way, options) for way in ways}
    print(f"\n{'':24}" + "".join(f"{votes:>9} votes" for votes in options.votes) + "   saved at each (90 %)")
    rows = []
    for way, own in found.items():
        rates = [sum(own[seed][n] for seed in own) / len(own) for n in range(len(options.votes))]
        saved = saved_shares(found[REFERENCE], own, options.votes)
        cells = "  ".join(f"{each.share:+.0%} ({each.low:+.0%} to {each.high:+.0%})" for each in saved)
        print(f"{way!s:24}" + "".join(f"{rate:>15.3f}" for rate in rates) + f"   {cells}")
        rows.append({"way": str(way), "win_rates": rates, "saved": [each._asdict() for each in saved]})
    path = options.out / f"savings-{options.policy}.json"
    path.write_text(json.dumps({"votes": options.votes, "rows": rows}, indent=2) + "\n", encoding="utf-8")


def _win_rates(way: Way, options: argparse.Namespace) -> dict[int, list[float]]:
    """By seed, the win rate at each number of votes."""
    return {
        seed: [
            json.loads(result_path(way, seed, votes, options).read_text())["win_rate"]
            for votes in options.votes
        ]
        for seed in options.seeds
    }


if __name__ == "__main__":
    main()
