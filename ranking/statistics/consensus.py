"""Consensus: all judgments of a comparison combined into a probability for each pair of answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .ballots import Ballots, PairVotes, votes_of
from .divided import DIFFER, find_divided
from .reliability import LIKELIEST, UNSURE, USUAL, Groups, People, beliefs_on
from .votes import Bools, Floats, Ids

DECIDED = 0.55
"""The least probability of an answer that is preferred; between it and its opposite nothing is."""
REVIEWERS_WEIGHT = 2.0
"""As how many votes a reviewer's judgment of a contested comparison counts. On simulated votes somebody as
able as the best tenth of people is then as often right as the probability says (see docs/quality.md)."""


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
