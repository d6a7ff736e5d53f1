"""Ratings with intervals and ranks: which of the items that people voted on are better, beyond chance.

The intervals are sandwich ones (Huber 1967), which trust the votes and not the model. Votes of one person go
together, and so do votes about one prompt: they are clustered by both (Cameron, Gelbach & Miller 2011).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.special import expit, stdtrit

from .bradley_terry import PRIOR, Counts, Matrix, Votes, centred, find_components, fit
from .sequential import Column, Ids

LEVEL = 0.95
FEWEST = 2.0
"""Of people, and of prompts: below so many nothing tells how far the next one would differ."""
WIDE = 0.1
"""A cluster with votes on a larger share of the items takes less time as a full row, `ROWS` at once."""
ROWS = 512


@dataclass(frozen=True)
class Ratings:
    """Columns of M values, one for each item.

    The ratings of a component have the mean 0; component 0 is the largest. Where too few people, or prompts,
    tell of an item, its interval is from -∞ to ∞. Its rank is 1 + the number of items in its component whose
    intervals lie wholly above its own.
    """

    rating: Column
    low: Column
    high: Column
    rank: Ids
    component: Ids

    def at(self, items: Ids) -> Self:
        """Those of these items, in this order."""
        return type(self)(*(column[items] for column in vars(self).values()))


def rate(votes: Votes, items: int) -> Ratings:
    """Each item's rating, the interval that holds it at `LEVEL`, and its rank."""
    counts = Counts.of(votes, items)
    component, found = find_components(counts, items), fit(counts, items)
    moves = centred(found.inverse, component)
    half = _half_widths(votes, found.rating, moves)
    rating = centred(found.rating, component)
    low, high = rating - half, rating + half
    return Ratings(rating, low, high, _ranks(low, high, component), component)


def _half_widths(votes: Votes, rating: Column, moves: Matrix) -> Column:
    """Of the intervals; `moves` (M, M) is how far each gradient moves each rating.

    The variance is max(people + prompts - judgments, judgments), where each term clusters the votes so; those
    of people and of prompts are multiplied by G / (G - 1), G their number. The prior's win and loss are like
    votes of two people more. With few people or prompts, Student's t widens it.
    """
    residual = votes.outcome - expit(rating[votes.first] - rating[votes.second])
    person, prompt = (np.unique(ids, return_inverse=True)[1] for ids in (votes.person, votes.prompt))
    judgment = np.unique(person * (prompt.max(initial=0) + 1) + prompt, return_inverse=True)[1]
    people, prompts, judgments = (
        _diagonal(_sums(ids, votes, residual, -residual, len(rating)), moves)
        for ids in (person, prompt, judgment)
    )
    by_people, by_prompts = (_clusters(ids, votes, len(rating)) for ids in (person, prompt))
    variance = people * _divided(by_people, by_people - 1) + prompts * _divided(by_prompts, by_prompts - 1)
    variance = np.maximum(variance - judgments, judgments)
    average = expit(rating)
    variance += moves**2 @ (PRIOR * (average**2 + (1 - average) ** 2))
    number = np.minimum(by_people, by_prompts)
    quantile = stdtrit(np.maximum(number, FEWEST) - 1, (1 + LEVEL) / 2)
    return np.where(number >= FEWEST, np.sqrt(variance) * quantile, np.inf)


def _clusters(ids: Ids, votes: Votes, items: int) -> Column:
    """(M,): how many clusters have votes on each item.

    The effective number (Kish 1965), (sum of n)² / sum of n² with n an item's votes in a cluster: the number
    itself where all have as many.
    """
    ones = np.ones(len(ids))
    sizes = _sums(ids, votes, ones, ones, items)
    return _divided(sizes.sum(axis=0) ** 2, sizes.power(2).sum(axis=0))


def _sums(ids: Ids, votes: Votes, to_first: Column, to_second: Column, items: int) -> csr_array:
    """(clusters, M): what the votes of each cluster, numbered from 0, give to their items, added up."""
    rows, columns = np.tile(ids, 2), np.concatenate([votes.first, votes.second])
    values = np.concatenate([to_first, to_second])
    return coo_array((values, (rows, columns)), shape=(ids.max(initial=-1) + 1, items)).tocsr()


def _diagonal(scores: csr_array, moves: Matrix) -> Column:
    """The diagonal of moves · scoresᵀ · scores · movesᵀ."""
    is_wide = np.diff(scores.indptr) > WIDE * len(moves)
    narrow, wide = scores[~is_wide], scores[is_wide]
    diagonal = np.zeros(len(moves))
    if narrow.shape[0]:
        diagonal += ((moves @ (narrow.T @ narrow).toarray()) * moves).sum(axis=1)
    for start in range(0, wide.shape[0], ROWS):
        diagonal += ((wide[start : start + ROWS].toarray() @ moves.T) ** 2).sum(axis=0)
    return diagonal


def _divided(above: Column, below: Column) -> Column:
    """Above / below, and 0 where that is divided by nothing."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-9)


def _ranks(low: Column, high: Column, component: Ids) -> Ids:
    ranks = np.ones(len(low), dtype=np.int64)
    for one in range(component.max(initial=-1) + 1):
        inside = component == one
        ranks[inside] += inside.sum() - np.searchsorted(np.sort(low[inside]), high[inside], side="right")
    return ranks
