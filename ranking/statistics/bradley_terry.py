"""Bradley–Terry ratings: how good each of M items is, from votes on two of them at a time, with intervals.

P(the first is preferred) = σ(r_first - r_second), with a rating r for each item (Bradley & Terry 1952). A tie
is half a vote for either, so that σ is a win rate as everywhere here, a tie as half. Davidson's model (1970)
would give ties a parameter of their own. It fits the same sums of wins and half ties, so that its order is
hardly another; and the intervals do not need to know where ties come from.

Besides its votes each item wins once and loses once against an average one. So an item that never lost has a
rating, and a single vote says little; among hundreds of votes it makes no difference.

Items that no chain of votes connects cannot be compared: they are in different components.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .sequential import Column, Ids

Matrix = NDArray[np.float64]
PRIOR = 1.0
"""How often each item wins, and loses, against an average one besides its votes."""
MOST_STEPS = 200


class Votes(NamedTuple):
    """Columns of N votes on two items of M, numbered from 0.

    `outcome` is 1 where the first was preferred, 0 where the second was, and 1/2 for a tie.
    """

    first: Ids
    second: Ids
    outcome: Column
    person: Ids
    prompt: Ids

    def at(self, rows: Ids | NDArray[np.bool_]) -> Self:
        """These of the votes."""
        columns = (self.first[rows], self.second[rows], self.outcome[rows])
        return type(self)(*columns, self.person[rows], self.prompt[rows])


class Counts(NamedTuple):
    """Votes on P pairs of items added up: their number, and the sum of their outcomes."""

    first: Ids
    second: Ids
    number: Column
    points: Column

    @classmethod
    def of(cls, votes: Votes, items: int) -> Self:
        return cls(*Paired.of(votes, items).counts())

    def less(self, others: Self) -> Self:
        """Without others on the same pairs."""
        return self._replace(number=self.number - others.number, points=self.points - others.points)

    def to_items(self, first: Column, second: Column, items: int) -> Column:
        """(M,) what the pairs give to their first and to their second items, added up."""
        return _added_up(self.first, first, items) + _added_up(self.second, second, items)


class Paired(NamedTuple):
    """Of N votes the pair of items (N,), and the points for the first of the two; and the P pairs."""

    pair: Ids
    points: Column
    first: Ids
    second: Ids

    @classmethod
    def of(cls, votes: Votes, items: int) -> Self:
        low, high = np.minimum(votes.first, votes.second), np.maximum(votes.first, votes.second)
        points = np.where(votes.first == low, votes.outcome, 1 - votes.outcome)
        pairs, pair = np.unique(low * items + high, return_inverse=True)
        return cls(pair, points, *np.divmod(pairs, max(items, 1)))

    def counts(self, rows: Ids | slice = slice(None)) -> Counts:
        """These of the votes added up, on all of the pairs."""
        pair, pairs = self.pair[rows], len(self.first)
        number = np.bincount(pair, minlength=pairs).astype(np.float64)
        return Counts(self.first, self.second, number, _added_up(pair, self.points[rows], pairs))


def _added_up(places: Ids, values: Column, number: int) -> Column:
    return np.bincount(places, values, number).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Fit:
    """The ratings (M,) of the greatest penalised likelihood, and the Hessian (M, M) of its negative log."""

    rating: Column
    hessian: Matrix

    @property
    def inverse(self) -> Matrix:
        return np.asarray(np.linalg.inv(self.hessian), dtype=np.float64)


def fit(counts: Counts, items: int, prior: float = PRIOR) -> Fit:
    """Fit by Newton's method: intervals need its Hessian anyway.

    A step is shortened by ln(1 + d) / d, where d is the most by which it moves two items apart. Then it
    always climbs (Sun & Tran-Dinh 2019, arXiv 1703.04599, on functions like the logistic one).
    """
    points = counts.to_items(counts.points, counts.number - counts.points, items)
    rating = logit((points + prior) / (counts.to_items(counts.number, counts.number, items) + 2 * prior))
    for _ in range(MOST_STEPS):
        gradient, hessian = _derivatives(counts, rating, prior)
        step = np.linalg.solve(hessian, gradient)
        apart = max(np.ptp(np.append(step, 0.0)), 1e-300)
        rating += step * np.log1p(apart) / apart
        if apart < 1e-6:
            break  # what is left is about the square of it
    return Fit(rating, hessian)


def _derivatives(counts: Counts, rating: Column, prior: float) -> tuple[Column, Matrix]:
    """The gradient, and the Hessian of the other sign."""
    items = len(rating)
    first, average = expit(rating[counts.first] - rating[counts.second]), expit(rating)
    residual = counts.points - counts.number * first
    gradient = counts.to_items(residual, -residual, items) + prior * (1 - 2 * average)
    hessian = np.zeros((items, items))
    hessian[counts.first, counts.second] = -counts.number * first * (1 - first)
    hessian += hessian.T
    np.fill_diagonal(hessian, 2 * prior * average * (1 - average) - hessian.sum(axis=1))
    return gradient, hessian


def find_components(counts: Counts, items: int) -> Ids:
    """(M,) the component of each item: numbers from 0, the largest first."""
    # Everybody takes the lowest number among those they are compared with, until nothing changes. SciPy's own
    # way would cost each web process 10 MB.
    found, before = np.arange(items), np.full(items, -1)
    while (found != before).any():
        before, low = found.copy(), np.minimum(found[counts.first], found[counts.second])
        for side in (counts.first, counts.second):
            np.minimum.at(found, side, low)
        found = found[found]
    _lowest, found, sizes = np.unique(found, return_inverse=True, return_counts=True)
    return np.argsort(np.argsort(-sizes, kind="stable"))[found].astype(np.int64)


def centred(rating: Column, component: Ids) -> Column:
    """The ratings less their mean in each component; also of the rows of a matrix."""
    sizes = np.bincount(component)
    sums = np.zeros((len(sizes), *rating.shape[1:]))
    np.add.at(sums, component, rating)
    return rating - (sums.T / sizes).T[component]
