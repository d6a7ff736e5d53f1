"""Simulated votes of blind tests, by people who lean to one side and give few votes or many."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from ranking.statistics.sequential import LOOKS, Column, Ids

PROMPTS, TIES = 200, 0.25
SPREAD = 1.0  # deviation, in logits, of how far people lean to the candidate, and of how far prompts do

# How many votes people give, in proportion.
ACTIVITIES: dict[str, Callable[[np.random.Generator, int], Column]] = {
    "uneven": lambda rng, people: np.exp(rng.normal(0, 1, people)),
    "even": lambda rng, people: np.ones(people),
    "1/rank": lambda rng, people: 1 / np.arange(1.0, people + 1),
}


class Votes(NamedTuple):
    """Columns in the order in which the votes come: 1, 1/2 or 0 for the candidate, by whom, about what."""

    outcome: Column
    person: Ids
    prompt: Ids


def draw_votes(rng: np.random.Generator, people: int, activity: str, gain: float) -> Votes:
    """The votes up to the last look, fewer where nearly all fall to people who have seen every prompt."""
    weight = ACTIVITIES[activity](rng, people)
    person = rng.choice(people, 3 * LOOKS[-1], p=weight / weight.sum())
    turn = _turns(person)
    asked = np.flatnonzero(turn < PROMPTS)[: LOOKS[-1]]
    person = person[asked]
    # Each person meets the prompts in an order of their own.
    prompt = np.argsort(rng.random((people, PROMPTS)), axis=1)[person, turn[asked]]
    lean = rng.normal(0, SPREAD, people)[person] + rng.normal(0, SPREAD, PROMPTS)[prompt]
    wins = rng.random(len(asked)) < _logistic(gain + lean)
    ties = rng.random(len(asked)) < TIES
    return Votes(np.where(ties, 1 / 2, wins), person, prompt)


def gain_that_wins(share: float) -> float:
    """The gain in logits with this share of wins among the decided, expected over people and prompts."""
    places, weights = np.polynomial.hermite_e.hermegauss(64)
    lean = places * SPREAD * np.sqrt(2)

    def excess(gain: float) -> float:
        return float(np.average(_logistic(gain + lean), weights=weights) - share)

    return float(brentq(excess, 0, 5))


def expected_vote(share: float) -> float:
    return TIES / 2 + (1 - TIES) * share


def _turns(person: Ids) -> Ids:
    """How many votes the same person has given before each."""
    order = np.argsort(person, kind="stable")
    counts = np.bincount(person)
    turn = np.empty_like(person)
    turn[order] = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    return turn


def _logistic(x: Column) -> Column:
    return 1 / (1 + np.exp(-x))
