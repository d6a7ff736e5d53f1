"""How much what a blind test says hangs on few votes: how many would have to go for the verdict to turn.

In the manner of Broderick, Giordano & Meager (2020, arXiv 2011.14999): votes are ordered by how far each
alone moves the interval's bound, to first order, and go in that order; the interval of those left is exact.
So the number found does turn the verdict, but other votes, fewer of them, may do so, too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sequential import LOOKS, Clusters, Column, Ids, Intervals, Look, after_each, look


@dataclass(frozen=True)
class Leverage:
    """What turns the verdict of `of` votes; `votes` is None where no removal that was tried does."""

    votes: int | None
    of: int
    one_person: bool  # the votes of one person, whoever it is, are enough

    @property
    def share(self) -> float | None:
        return None if self.votes is None else self.votes / self.of


def find_leverage(outcome: Column, person: Ids, prompt: Ids) -> Leverage:
    """The fewest votes found whose removal turns what these N say, and whether one person's votes do.

    `better` and `worse` turn when the interval takes in 1/2. Any other verdict turns when it becomes one of
    them with votes enough for a look; to have too few votes for a look is by itself no turn.
    """
    was = look(outcome, person, prompt)
    if not np.isfinite(was.variance):
        return Leverage(None, len(outcome), one_person=False)
    person, prompt = (np.unique(ids, return_inverse=True)[1] for ids in (person, prompt))
    alone = _turned(_without_each_person(outcome, person, prompt), was)
    numbers = np.bincount(person)[alone].tolist()
    for order in _orders(outcome, person, prompt, was):
        kept = order[::-1]
        turned = _turned(after_each(outcome[kept], person[kept], prompt[kept]), was)[::-1]
        numbers += np.flatnonzero(turned)[:1].tolist()
    return Leverage(min(numbers, default=None), len(outcome), one_person=bool(alone.any()))


def _turned(now: Intervals, was: Look) -> NDArray[np.bool_]:
    if was.low > 1 / 2:
        return now.low <= 1 / 2
    if was.high < 1 / 2:
        return now.high >= 1 / 2
    return ((now.low > 1 / 2) | (now.high < 1 / 2)) & (now.votes >= LOOKS[0])


def _orders(outcome: Column, person: Ids, prompt: Ids, was: Look) -> list[Ids]:
    """In which order votes go: a bound beyond 1/2 falls back as fast as may be; another is brought there."""
    error = outcome - was.mean
    low = _rise(error, was.mean - was.low, was, person, prompt)
    high = _rise(-error, was.high - was.mean, was, person, prompt)  # seen from the other side
    if was.low > 1 / 2:
        return [np.argsort(low, kind="stable")]
    if was.high < 1 / 2:
        return [np.argsort(high, kind="stable")]
    return [np.argsort(-low, kind="stable"), np.argsort(-high, kind="stable")]


def _rise(error: Column, half: float, was: Look, person: Ids, prompt: Ids) -> Column:
    """N times how far the lower bound rises without each vote: by the mean, and by the half-width.

    Without it the mean rises by -e / n, and V by -2 e (the sums of e in its two clusters) / n²; the
    half-width is taken as proportional to the root of V.
    """
    together = np.zeros(len(error))
    for ids in (person, prompt):
        number = len(ids) ** 2 / (np.bincount(ids) ** 2.0).sum()
        together += np.bincount(ids, error)[ids] * number / (number - 1)
    return error * (half * together / (was.votes * was.variance) - 1)


def _without_each_person(outcome: Column, person: Ids, prompt: Ids) -> Intervals:
    """The intervals without the votes of person 0, of person 1, …"""
    size, total = _sums(person, outcome)
    of_people = _terms(size, total)
    prompt_size, prompt_total = _sums(prompt, outcome)
    of_prompts = _terms(prompt_size, prompt_total)
    # What each person gave to each prompt, and what the others leave that prompt with.
    cells, cell = np.unique(person * len(prompt_size) + prompt, return_inverse=True)
    giver, given = np.divmod(cells, len(prompt_size))
    cell_size, cell_total = _sums(cell, outcome)
    left = _terms(prompt_size[given] - cell_size, prompt_total[given] - cell_total)
    change = [np.bincount(giver, term) for term in left - of_prompts[:, given]]
    return Intervals.of(
        len(outcome) - size,
        outcome.sum() - total,
        (outcome**2).sum() - np.bincount(person, outcome**2),
        Clusters(*(of_people.sum(axis=1, keepdims=True) - of_people)),
        Clusters(*(of_prompts.sum(axis=1, keepdims=True) + change)),
    )


def _sums(ids: Ids, outcome: Column) -> tuple[Column, Column]:
    """How many votes each cluster has, and what they add up to."""
    return np.bincount(ids).astype(float), np.bincount(ids, outcome).astype(float)


def _terms(size: Column, total: Column) -> Column:
    """What each cluster adds to the three sums of `Clusters`."""
    return np.stack([total**2, total * size, size**2])
