"""Pairs that votes leave open, which reviewers decide: how many there are, and what a decision is worth.

A pair is open where no side leads by two votes and the consensus prefers no answer. A reviewer is an honest
person as able as the best tenth, who does not lean; a decision weighs right where the probability that it
makes is as high as it is often right.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit

from benchmarks.quality.people import LAPSES, Simulation, simulate
from benchmarks.quality.table import Options, Row
from ranking.statistics.consensus import DECIDED, REVIEWERS_WEIGHT
from ranking.statistics.overlap import LEAD
from ranking.statistics.reliability import LIKELIEST, beliefs_on, fit_people
from ranking.statistics.temperature import temperature_of
from ranking.statistics.votes import Bools

OVERLAPS = (2, 3, 4)
BEST = 0.9


def rows(options: Options) -> Iterator[Row]:
    found = defaultdict(list)
    for seed in range(options.seeds):
        for overlap in OVERLAPS:
            for figure, value in _figures(seed, overlap):
                found[overlap, figure].append(value)
    for (overlap, figure), values in found.items():
        most = 0.05 if figure == "off by" else np.inf
        yield Row(f"{overlap} votes a pair: {figure}", tuple(values), most=most)


def _figures(seed: int, overlap: int) -> Iterator[tuple[str, float]]:
    drawn = simulate(seed, overlap=overlap)
    votes, people = drawn.votes, fit_people(drawn.votes)
    temperature = temperature_of(votes, people)
    first = beliefs_on(votes, people, temperature)[0]
    lead = np.abs(votes.by_pair(votes.for_first) - votes.by_pair(~votes.for_first))
    is_open = (lead < LEAD) & (np.maximum(first, 1 - first) < DECIDED)
    better, decision = drawn.difference > 0, _decide(drawn, seed)
    with_it = expit(
        logit(first) + np.where(decision, 1, -1) * REVIEWERS_WEIGHT * logit(LIKELIEST) / temperature
    )
    sure, right = np.maximum(with_it, 1 - with_it)[is_open].mean(), (decision == better)[is_open].mean()
    yield "open pairs", float(is_open.mean())
    yield "the consensus is right about them", float(((first > 1 / 2) == better)[is_open].mean())
    yield "the reviewer is right about them", float(right)
    yield "probability with the decision", float(sure)
    yield "off by", float(abs(sure - right))


def _decide(drawn: Simulation, seed: int) -> Bools:
    """(P,): whether the reviewer prefers the first answer."""
    ability = np.quantile(drawn.people.ability[~drawn.people.bad], BEST)
    chance = LAPSES / 2 + (1 - LAPSES) * expit(ability * drawn.difference)
    return np.asarray(np.random.default_rng([seed, 1]).random(len(chance)) < chance)
