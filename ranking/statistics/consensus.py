"""Majority votes: all judgments of a comparison combined into one preference for each pair.

A pair is decided by simple majority. Its weight is (votes for − votes against) / all votes, ties
among the votes, so that 1 is a unanimous pair and a value near 0 one that people hardly agree on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Consensus:
    """The P decided pairs as columns of P values, in order of comparison, chosen and rejected."""

    comparison: Ids
    chosen: Ids
    rejected: Ids
    votes_chosen: Ids
    votes_rejected: Ids
    ties: Ids

    @property
    def votes(self) -> Ids:
        return self.votes_chosen + self.votes_rejected + self.ties

    @property
    def weight(self) -> NDArray[np.float64]:
        """(P,) in (0, 1]."""
        return (self.votes_chosen - self.votes_rejected) / self.votes


@dataclass(frozen=True)
class PairVotes:
    """The votes on P pairs of answers, in columns of P values; ties have no side."""

    comparison: Ids
    first: Ids
    second: Ids
    for_first: Ids
    for_second: Ids
    ties: Ids


@dataclass(frozen=True)
class Sides:
    """V votes, each of one judgment on two answers that it ranked, in columns of V values.

    `better` is 1 where the first answer is the better one, -1 where the second is, 0 at a tie.
    """

    judgment: Ids
    comparison: Ids
    first: Ids
    second: Ids
    better: Ids


def sides_of(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> Sides:
    """What each judgment says of each two completions that it ranked, the smaller id first.

    The arguments are columns of N ranks: a judgment of a comparison gave a completion a rank, 1
    the best. A judgment has one row for each completion; equal ranks are ties.
    """
    order = np.lexsort((completion, judgment))
    judgment, comparison, completion, rank = (
        column[order] for column in (judgment, comparison, completion, rank)
    )
    left, right = _pairs_within(judgment)
    better = np.sign(rank[right] - rank[left])
    return Sides(judgment[left], comparison[left], completion[left], completion[right], better)


def of_votes(sides: Sides, judgment: Ids, column: Ids) -> Ids:
    """(V,) of a column of N ranks, what it has for the judgment that gave each vote."""
    judgments, row = np.unique(judgment, return_index=True)
    return np.asarray(column[row[np.searchsorted(judgments, sides.judgment)]])


def votes_on_pairs(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> PairVotes:
    """How many judgments prefer which one of each two completions of a comparison.

    The arguments are those of `sides_of`.
    """
    return count_votes(sides_of(judgment, comparison, completion, rank))[0]


def count_votes(sides: Sides) -> tuple[PairVotes, Ids]:
    """The votes on each pair, and of each side the place of its pair: (V,)."""
    keys = np.stack([sides.comparison, sides.first, sides.second], axis=1)
    pairs, pair_of = np.unique(keys, axis=0, return_inverse=True)
    pair_of = pair_of.ravel()

    def votes(outcome: int) -> Ids:
        return np.bincount(pair_of[sides.better == outcome], minlength=len(pairs)).astype(np.int64)

    return PairVotes(pairs[:, 0], pairs[:, 1], pairs[:, 2], votes(1), votes(-1), votes(0)), pair_of


def find_majorities(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> Consensus:
    """The pairs on which more judgments prefer one completion than the other.

    The arguments are those of `sides_of`.
    """
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    first_wins = votes.for_first > votes.for_second
    decided = votes.for_first != votes.for_second
    found = (
        votes.comparison,
        np.where(first_wins, votes.first, votes.second),
        np.where(first_wins, votes.second, votes.first),
        np.maximum(votes.for_first, votes.for_second),
        np.minimum(votes.for_first, votes.for_second),
        votes.ties,
    )
    by_pair = np.lexsort((found[2], found[1], found[0]))
    return Consensus(*(column[by_pair][decided[by_pair]] for column in found))


def _pairs_within(group: Ids) -> tuple[Ids, Ids]:
    """Positions (left, right), left before right, of all pairs of equal values in a sorted column."""
    lefts, rights = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for distance in range(1, len(group)):
        left = np.flatnonzero(group[:-distance] == group[distance:])
        if not len(left):
            break
        lefts.append(left)
        rights.append(left + distance)
    return np.concatenate(lefts), np.concatenate(rights)
