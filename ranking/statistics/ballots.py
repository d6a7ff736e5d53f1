"""Ballots: the ranks that judgments gave, and the votes on pairs of answers that they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from .votes import Bools, Floats, Ids, Votes, evidence_of_ranking

STRANGER = -1
"""In the place of a person's id, of whom nothing is known."""


@dataclass(frozen=True)
class Ballots:
    """N ranks in columns: who gave a completion which rank, 1 the best, at which place they saw it.

    A judgment has a row for each of its comparison's completions; equal ranks are ties. `weights` has, by
    their ids, the judgments that count as more than one vote: those of reviewers. Nothing is known of their
    people, who decide what is contested and would seem to agree with nobody; and they are no sample of
    people's tastes.
    """

    judgment: Ids
    comparison: Ids
    person: Ids
    completion: Ids
    rank: Ids
    place: Ids
    weights: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: list[tuple[int, ...]], weights: Mapping[int, float] | None = None) -> Self:
        """From rows with the values of each column."""
        judgment, comparison, person, completion, rank, place = (
            np.array(rows, dtype=np.int64).reshape(-1, 6).T
        )
        return cls(judgment, comparison, person, completion, rank, place, weights or {})

    @property
    def ranks(self) -> tuple[Ids, Ids, Ids, Ids]:
        """What `votes_on_pairs` and others take."""
        return self.judgment, self.comparison, self.completion, self.rank


@dataclass(frozen=True)
class PairVotes:
    """The votes on P pairs of answers, in columns of P values; ties have no side."""

    comparison: Ids
    first: Ids
    second: Ids
    for_first: Ids
    for_second: Ids
    ties: Ids

    def among(self, chosen: Bools) -> Self:
        """Those on some of the pairs."""
        return type(self)(*(column[chosen] for column in vars(self).values()))


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
    row, pair_of = number_rows(sides.comparison, sides.first, sides.second)

    def votes(outcome: int) -> Ids:
        return np.bincount(pair_of[sides.better == outcome], minlength=len(row)).astype(np.int64)

    pairs = (sides.comparison[row], sides.first[row], sides.second[row])
    return PairVotes(*pairs, votes(1), votes(-1), votes(0)), pair_of


def number_rows(*columns: Ids) -> tuple[Ids, Ids]:
    """The first of each kind of row, in ascending order of the kinds, and of each row the number of its kind.

    As `np.unique` with an axis, in a tenth of the time.
    """
    order = np.lexsort(columns[::-1])
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = np.any([np.diff(column[order]) != 0 for column in columns], axis=0)
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(is_new) - 1
    return order[is_new], numbers


def votes_of(ballots: Ballots) -> tuple[PairVotes, Votes, Ids]:
    """How the votes on each pair fall, the votes one by one, and (M,) who their people are."""
    sides = sides_of(*ballots.ranks)
    counts, pair = count_votes(sides)
    judgments, answers = np.unique(ballots.judgment, return_counts=True)
    # Sorted by its place in place of its rank, the answer seen first is the better one of two.
    places = sides_of(ballots.judgment, ballots.comparison, ballots.completion, ballots.place)
    has_side = sides.better != 0
    given_by = of_votes(sides, ballots.judgment, ballots.person)[has_side]
    weight = _weights_of(sides.judgment[has_side], ballots.weights)
    people, person = np.unique(np.where(weight == 1, given_by, STRANGER), return_inverse=True)
    votes = Votes(
        pair=pair[has_side],
        person=person,
        for_first=sides.better[has_side] > 0,
        first_on_top=places.better[has_side] > 0,
        evidence=evidence_of_ranking(answers[np.searchsorted(judgments, sides.judgment[has_side])]),
        weight=weight,
        pairs=len(counts.comparison),
        people=len(people),
    )
    return counts, votes, people


def _weights_of(judgment: Ids, weights: Mapping[int, float]) -> Floats:
    """(V,): as how many votes each counts."""
    known = np.array(sorted(weights), dtype=np.int64)
    own = np.array([weights[one] for one in known.tolist()])
    found = np.ones(len(judgment))
    is_heavy = np.isin(judgment, known)
    found[is_heavy] = own[np.searchsorted(known, judgment[is_heavy])]
    return found


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
