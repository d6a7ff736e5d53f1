"""Consensus by reliability beside the majority, Dawid and Skene, and whoever knows all about people."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from benchmarks.quality.people import Simulation, know_all, simulate
from benchmarks.quality.table import Options, Row
from ranking.statistics.reliability import fit_people, log_odds
from ranking.statistics.temperature import fit_temperature, temperature_of
from ranking.statistics.votes import Bools, Floats, Votes

KNOWN = 200
"""Pairs whose better answer is known, for the temperature; the calibration error is of the others."""
BARS: dict[str, dict[str, Any]] = {
    "20 % bad: consensus over majority": {"least": 0.025},
    "20 % bad: oracle over consensus": {"most": 0.02},
    "20 % bad: AUC of finding bad people, 60 votes each": {"least": 0.95},
    "20 % bad: AUC of finding bad people, 12 votes each": {"least": 0.90},
    "20 % bad: calibration error, 200 known pairs": {"most": 0.03},
    "20 % bad: calibration error, none known": {"most": 0.03},
    "nobody bad: consensus over majority": {"least": -0.005},
    "nobody bad: calibration error, 200 known pairs": {"most": 0.03},
    "nobody bad: calibration error, none known": {"most": 0.03},
    "seconds of 1,000,000 votes: consensus": {"most": 3},
}


def rows(options: Options) -> Iterator[Row]:
    found = defaultdict(list)
    for seed in range(options.seeds):
        for name, value in [*_of_seed(seed), *_seconds(seed)]:
            found[name].append(value)
    for name, values in found.items():
        yield Row(name, tuple(values), **BARS.get(name, {}))


def _of_seed(seed: int) -> Iterator[tuple[str, float]]:
    for name, bad in (("20 % bad", 0.2), ("nobody bad", 0.0)):
        drawn = simulate(seed, bad=bad)
        truth, votes = drawn.difference > 0, drawn.votes
        people = fit_people(votes)
        odds = log_odds(votes, people.right)
        ours, majority, oracle = accuracy(odds, truth), accuracy(majorities(votes), truth), know_all(drawn)
        yield f"{name}: majority", majority
        yield f"{name}: Dawid–Skene", accuracy(dawid_skene(votes), truth)
        yield f"{name}: consensus", ours
        yield f"{name}: oracle", accuracy(oracle - 0.5, truth)
        yield f"{name}: consensus over majority", ours - majority
        yield f"{name}: oracle over consensus", accuracy(oracle - 0.5, truth) - ours
        numbers, size = np.arange(len(truth)), np.abs(drawn.difference)
        for which, known in (
            (f"{KNOWN} known pairs", numbers[:KNOWN]),
            (f"{KNOWN // 2} known pairs", numbers[: KNOWN // 2]),
            (f"{KNOWN} clear pairs known", numbers[size > np.median(size)][:KNOWN]),
            ("none known", numbers[:0]),
        ):
            t = fit_temperature(odds[known], truth[known].astype(float)) if len(known) else None
            others = ~np.isin(numbers, known)
            probability = expit(odds / (t or temperature_of(votes, people)))
            error = calibration_error(probability[others], truth[others])
            yield f"{name}: calibration error, {which}", error
    yield "20 % bad: AUC of finding bad people, 60 votes each", found_bad(simulate(seed))
    yield "20 % bad: AUC of finding bad people, 12 votes each", found_bad(simulate(seed, pairs=2000))


def _seconds(seed: int) -> Iterator[tuple[str, float]]:
    """Of the processor, for a million votes by 2,000 people."""
    votes = simulate(seed, pairs=333_334, people=2000).votes
    for name, act in (("majority", majorities), ("Dawid–Skene", dawid_skene), ("consensus", consensus)):
        began = time.process_time()
        act(votes)
        yield f"seconds of 1,000,000 votes: {name}", time.process_time() - began


def consensus(votes: Votes) -> Floats:
    people = fit_people(votes)
    return expit(log_odds(votes, people.right) / temperature_of(votes, people))


def found_bad(drawn: Simulation) -> float:
    return area_under_curve(-fit_people(drawn.votes).reliability, drawn.people.bad)


def majorities(votes: Votes) -> Floats:
    """(P,): above 0 where more votes are for the first answer."""
    return votes.by_pair(2.0 * votes.for_first - 1)


def dawid_skene(votes: Votes, steps: int = 50) -> Floats:
    """(P,) log odds by Dawid and Skene's own method (1979): a table of two by two for each person.

    Maximum likelihood, smoothed by a hundredth of a vote; which answer was shown first plays no part.
    """
    chose_first, first = (
        votes.for_first,
        (votes.by_pair(votes.for_first) + 1) / (votes.by_pair(np.ones(len(votes))) + 2),
    )
    odds = np.zeros(votes.pairs)
    for _ in range(steps):
        better = first[votes.pair]
        said = [np.bincount(votes.person, weight, votes.people) for weight in (better, 1 - better)]
        right = [
            np.bincount(votes.person, weight * chose_first, votes.people) for weight in (better, 1 - better)
        ]
        if_first, if_second = ((one + 0.01) / (all_ + 0.02) for one, all_ in zip(right, said, strict=True))
        for_first, against = np.log(if_first / if_second), np.log((1 - if_first) / (1 - if_second))
        share = first.mean()
        odds = votes.by_pair(np.where(chose_first, for_first[votes.person], against[votes.person]))
        odds += np.log(share / (1 - share))
        before, first = first, expit(odds)
        if np.abs(first - before).max() < 1e-3:
            break
    return odds


def accuracy(odds: Floats, truth: Bools) -> float:
    """Share of pairs in the right order, undecided ones as half."""
    return float(np.mean(np.where(odds == 0, 0.5, (odds > 0) == truth)))


def calibration_error(probability: Floats, truth: Bools, bins: int = 10) -> float:
    """Expected calibration error of the better side's probability, between a half and one."""
    confidence = np.maximum(probability, 1 - probability)
    right = np.where(probability == 0.5, 0.5, (probability > 0.5) == truth)
    place = np.minimum((confidence - 0.5) * 2 * bins, bins - 1).astype(int)
    return float(np.sum(np.abs(np.bincount(place, confidence - right)))) / len(truth)


def area_under_curve(score: Floats, positive: Bools) -> float:
    """How often a positive has a higher score than a negative, ties as half."""
    ones, others = positive.sum(), (~positive).sum()
    return float((rankdata(score)[positive].sum() - ones * (ones + 1) / 2) / (ones * others))
