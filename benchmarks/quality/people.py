"""Simulated people and their votes on pairs of answers, with the truth.

The differences of the answers of a pair are normal. An honest person prefers the one shown first with the
log odds `ability` * difference + `leaning`, and 5 % of their votes are lapses: coin tosses. Abilities are
log-normal with a deviation of 0.4, leanings normal around 0.2 with a deviation of 0.3. The differences are
scaled so that two honest people agree on 71 % of pairs. Of the bad ones half answer at random, a quarter
takes the answer shown first 98 times of 100, and a quarter answers the opposite of what they find.

With a minority, its members find other differences, whose correlation with those of all others is given; a
pair is contested where the two have different signs.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ranking.statistics.votes import Bools, Floats, Ids, Votes

AGREEMENT, LAPSES, ABILITIES = 0.71, 0.05, 0.4
LEANING, LEANINGS = 0.2, 0.3
HONEST, RANDOM, ONE_SIDED, ADVERSARY = range(4)
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


@dataclass(frozen=True)
class People:
    """M people: of which kind they are, and whether they belong to the minority."""

    ability: Floats
    leaning: Floats
    kind: Ids
    minority: Bools

    @property
    def bad(self) -> Bools:
        return self.kind != HONEST


@dataclass(frozen=True)
class Simulation:
    """Votes, by whom, and the difference of each pair's answers for the majority and for the minority."""

    votes: Votes
    people: People
    difference: Floats
    others: Floats

    @property
    def contested(self) -> Bools:
        return (self.difference > 0) != (self.others > 0)


def simulate(
    seed: int,
    *,
    pairs: int = 10_000,
    people: int = 500,
    overlap: int = 3,
    bad: float = 0.2,
    minority: float = 0.0,
    correlation: float = 0.0,
    known: Floats | None = None,
) -> Simulation:
    """The votes of so many people, `overlap` of them on each pair, all by different people.

    `known` are the differences of the pairs, where they are not to be drawn.
    """
    rng = np.random.default_rng(seed)
    who = _draw_people(rng, people, bad, minority)
    drawn, fresh = rng.normal(0, spread(), (2, pairs))
    difference = drawn if known is None else known
    others = correlation * difference + np.sqrt(1 - correlation**2) * fresh
    pair = np.repeat(np.arange(pairs), overlap)
    person = _assign(rng, pairs, people, overlap)
    on_top = rng.random(len(pair)) < 1 / 2
    found = np.where(who.minority[person], others[pair], difference[pair])
    takes_top = rng.random(len(pair)) < chance_of_top(who, person, np.where(on_top, found, -found))
    one_each = np.ones(len(pair))
    votes = Votes(pair, person, takes_top == on_top, on_top, one_each, one_each, pairs, people)
    return Simulation(votes, who, difference, others)


def chance_of_top(who: People, person: Ids, found: Floats) -> Floats:
    """How likely a vote is for the answer shown first; `found`, how much better, may have more axes."""
    axes = (slice(None),) + (None,) * (found.ndim - 1)
    ability, leaning, kind = (each[person][axes] for each in (who.ability, who.leaning, who.kind))
    seen = np.where(kind == ADVERSARY, -found, found)
    honest = LAPSES / 2 + (1 - LAPSES) * expit(ability * seen + leaning)
    return np.select([kind == RANDOM, kind == ONE_SIDED], [0.5, 0.98], honest)


@cache
def spread() -> float:
    """The deviation of the differences at which two honest people agree on 71 % of pairs."""
    rng = np.random.default_rng(0)
    who = _draw_people(rng, 400_000, bad=0.0, minority=0.0)
    drawn, on_top = rng.normal(0, 1, 200_000), rng.random((2, 200_000)) < 1 / 2
    person = np.arange(400_000).reshape(2, -1)

    def excess(deviation: float) -> float:
        votes = [
            np.where(
                top,
                chance_of_top(who, each, deviation * drawn),
                1 - chance_of_top(who, each, -deviation * drawn),
            )
            for each, top in zip(person, on_top, strict=True)
        ]
        return float(np.mean(votes[0] * votes[1] + (1 - votes[0]) * (1 - votes[1])) - AGREEMENT)

    return float(brentq(excess, 0.1, 30))


def know_all(drawn: Simulation) -> Floats:
    """(P,): how likely each pair's first answer is better for whoever knows all about people, and no pair."""
    votes, differences = drawn.votes, spread() * _NODES
    seen = np.where(votes.first_on_top[:, None], differences, -differences)
    top = chance_of_top(drawn.people, votes.person, seen)
    took_top = votes.for_first == votes.first_on_top
    logs = np.log(np.where(took_top[:, None], top, 1 - top))
    joint = np.stack([votes.by_pair(each) for each in logs.T]) + np.log(_WEIGHTS)[:, None]
    shares = np.exp(joint - joint.max(axis=0))
    return np.asarray(((_NODES > 0) + (_NODES == 0) / 2) @ shares / shares.sum(axis=0))


def _draw_people(rng: np.random.Generator, number: int, bad: float, minority: float) -> People:
    kind = np.full(number, HONEST)
    half, quarter = int(number * bad / 2), int(number * bad / 4)
    kind[: half + 2 * quarter] = np.repeat([RANDOM, ONE_SIDED, ADVERSARY], [half, quarter, quarter])
    return People(
        ability=np.exp(rng.normal(0, ABILITIES, number)),
        leaning=rng.normal(LEANING, LEANINGS, number),
        kind=rng.permutation(kind),
        minority=rng.random(number) < minority,
    )


def _assign(rng: np.random.Generator, pairs: int, people: int, overlap: int) -> Ids:
    """People for each vote, as often as each other, and different ones on each pair."""
    turns = [rng.permutation(people) for _ in range(-(-pairs * overlap // people))]
    # Each turn of all people has an order of its own: only where two turns meet is somebody twice on a pair.
    person = np.concatenate(turns)[: pairs * overlap].reshape(pairs, overlap)
    while len(twice := np.flatnonzero((np.diff(np.sort(person, axis=1)) == 0).any(axis=1))):
        place = rng.integers(0, overlap, len(twice))
        others = rng.integers(0, pairs, len(twice))
        for one, other, at in zip(twice, others, place, strict=True):
            person[one, at], person[other, at] = person[other, at], person[one, at]
    return person.ravel()
