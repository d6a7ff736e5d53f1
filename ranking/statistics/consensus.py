"""Consensus: all judgments of a comparison combined into a probability for each pair of answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from .divided import DIFFER, find_divided
from .reliability import LIKELIEST, UNSURE, USUAL, Groups, People, beliefs_on
from .votes import Bools, Floats, Ids, Votes, evidence_of_ranking

DECIDED = 0.55
"""The least probability of an answer that is preferred; between it and its opposite nothing is."""
REVIEWERS_WEIGHT = 2.0
"""As how many votes a reviewer's judgment of a contested comparison counts. On simulated votes somebody as
able as the best tenth of people is then as often right as the probability says (see docs/quality.md)."""
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
        return cls(*np.array(rows, dtype=np.int64).reshape(-1, 6).T, weights or {})

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


class Known(NamedTuple):
    """What is known of one person: `People` and `Groups` have what each value is."""

    if_second: float
    if_first: float
    deviation: float
    in_second: float


@dataclass(frozen=True)
class Fit:
    """What is known of people by their ids, of two groups of them, and how far to trust log odds of votes.

    `contested` and `share` are those of the groups, None and 0 without.
    """

    known: Mapping[int, Known]
    temperature: float = USUAL
    contested: float | None = None
    share: float = 0.0

    def people(self, ids: Ids) -> People:
        """What is known of these; strangers are as the prior has them, in either group by its share."""
        stranger = Known(LIKELIEST, LIKELIEST, UNSURE, self.share)
        table = np.array([self.known.get(one, stranger) for one in ids.tolist()]).reshape(-1, len(stranger))
        groups = None if self.contested is None else Groups(table[:, 3], self.contested, self.share)
        return People(table[:, :2], table[:, 2], groups)


@dataclass(frozen=True)
class Consensus:
    """What the votes on P pairs say: how likely people prefer each one's first answer.

    Where people are `divided` it is the share of those who do. By groups of people, that is the share of each
    group that prefers it; by votes alone, their share.
    """

    votes: PairVotes
    first: Floats
    divided: Bools

    @property
    def decided(self) -> Bools:
        """(P,): whether one answer is preferred."""
        return np.maximum(self.first, 1 - self.first) >= DECIDED

    def preferred(self) -> tuple[PairVotes, Floats]:
        """The votes with the more probable answer of each pair as its first, and its probability."""
        turned, votes = self.first < 1 / 2, self.votes
        first, second = np.where(turned, [votes.second, votes.first], [votes.first, votes.second])
        one, other = [votes.for_first, votes.for_second], [votes.for_second, votes.for_first]
        for_first, for_second = np.where(turned, other, one)
        seen = PairVotes(votes.comparison, first, second, for_first, for_second, votes.ties)
        return seen, np.maximum(self.first, 1 - self.first)


def find_consensus(ballots: Ballots, fit: Fit) -> Consensus:
    """What ballots say, with what is known of their people; pairs in order of comparison and answers."""
    counts, votes, ids = votes_of(ballots)
    people = fit.people(ids)
    first, differ = beliefs_on(votes, people, fit.temperature)
    sample = votes
    if ballots.weights:  # how people divide is told by volunteers alone
        sample = votes.among(votes.weight == 1)
        differ = beliefs_on(sample, people, fit.temperature)[1]
    sides = (sample.for_first, ~sample.for_first)
    for_first, for_second = (sample.by_pair(side).astype(np.int64) for side in sides)
    divided = find_divided(for_first, for_second, differ)
    share = for_first / np.maximum(for_first + for_second, 1)
    return Consensus(counts, np.where(divided & (differ < DIFFER), share, first), divided)


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
