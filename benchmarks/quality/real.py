"""Real votes: how well held-out votes are foretold by the majority of the others, and by their consensus.

The votes of 124 crowd workers on answers of 59 models (llmfao, CC BY 4.0), ties left out. Each tenth in turn
is foretold from the rest. The majority's forecast is its share of votes, smoothed as suits these votes best:
its log loss is the lowest that it can have. The consensus says how a vote of anybody would fall, or that of
the person who gave it. Differences have 95 % intervals by bootstrap over people.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.special import expit

from benchmarks.quality.table import Options, Row
from ranking.statistics.groups import find_groups
from ranking.statistics.reliability import chances, fit_people, log_odds
from ranking.statistics.votes import Floats, Votes

FOLDS, RESAMPLES = 10, 2000
MAJORITY, CONSENSUS = "majority", ("consensus, of anybody", "consensus, of this person")
SMOOTHING = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


def rows(options: Options) -> Iterator[Row]:
    if options.llmfao is None:
        print("\nNo tables of real votes: --llmfao names their folder.")
        return
    votes = read_votes(options.llmfao)
    yield Row("votes", (float(len(votes)),))
    yield Row("groups found", (float(find_groups(votes) is not None),))
    yield Row("people doubted, of 124", (float(fit_people(votes).doubted.sum()),))
    forecasts = [_forecasts(votes, seed) for seed in range(options.seeds)]
    yield from _compare(
        "accuracy", [{who: _right(each[who], votes) for who in each} for each in forecasts], votes
    )
    gains = [{who: -_log_loss(each[who], votes) for who in each} for each in forecasts]
    yield from _compare("log likelihood", gains, votes)


def _compare(name: str, seeds: list[dict[str, Floats]], votes: Votes) -> Iterator[Row]:
    """Each forecast by a measure of which more is better, and how much more that is than the majority's."""
    for who in seeds[0]:
        yield Row(f"{name}: {who}", tuple(float(each[who].mean()) for each in seeds))
    for who in CONSENSUS:
        gains = [each[who] - each[MAJORITY] for each in seeds]
        means, interval = (
            tuple(float(each.mean()) for each in gains),
            _interval(np.mean(gains, axis=0), votes),
        )
        yield Row(f"{name}: {who}, over the majority", means, least=0, interval=interval)


def read_votes(folder: Path) -> Votes:
    """Votes for the answer on the left, which is the pair's first, or for that on the right."""
    with (folder / "crowd-comparisons.csv").open(encoding="utf-8") as file:
        given = [each for each in csv.DictReader(file) if each["winner"] != "tie"]
    pair, person = (
        np.unique([each[name] for each in given], return_inverse=True)[1] for name in ("id", "worker")
    )
    left = np.array([each["winner"] == "left" for each in given])
    return Votes.of(pair, person, left, np.ones(len(given), dtype=bool), np.ones(len(given)))


def _forecasts(votes: Votes, seed: int) -> dict[str, Floats]:
    """Of each vote, how likely it is for the left answer, by the votes of the other folds."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(votes))
    smoothed = np.empty((len(SMOOTHING), len(votes)))
    anybody, person = np.empty(len(votes)), np.empty(len(votes))
    for number in range(FOLDS):
        asked = fold == number
        known, one = votes.among(~asked), votes.among(asked)
        counts = known.by_pair(np.ones(len(known)))[one.pair]
        lefts = known.by_pair(known.for_first)[one.pair]
        smoothed[:, asked] = [(lefts + each) / (counts + 2 * each) for each in SMOOTHING]
        people = fit_people(known)
        better = expit(log_odds(known, people.right))[one.pair]
        hit, miss = chances(one, people.right)
        person[asked] = better * hit + (1 - better) * miss
        usual = [each.mean() for each in chances(known, people.right)]
        anybody[asked] = better * usual[0] + (1 - better) * usual[1]
    best = min(smoothed, key=lambda each: float(_log_loss(each, votes).mean()))
    return dict(zip((MAJORITY, *CONSENSUS), (best, anybody, person), strict=True))


def _right(forecast: Floats, votes: Votes) -> Floats:
    return np.where(forecast == 0.5, 0.5, (forecast > 0.5) == votes.for_first)


def _log_loss(forecast: Floats, votes: Votes) -> Floats:
    return -np.log(np.where(votes.for_first, forecast, 1 - forecast))


def _interval(gains: Floats, votes: Votes) -> tuple[float, float]:
    """Of the mean over votes, people drawn again with all their votes."""
    totals, numbers = (np.bincount(votes.person, each, votes.people) for each in (gains, np.ones(len(gains))))
    drawn = np.random.default_rng(0).integers(0, votes.people, (RESAMPLES, votes.people))
    low, high = np.quantile(totals[drawn].sum(axis=1) / numbers[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)
