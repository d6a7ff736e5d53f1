"""What answers to gold questions tell: how often each person is right, and who is told of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from .ballots import Ballots, votes_of
from .proportions import wilson
from .votes import Bools, Ids, Votes

FEWEST_QUESTIONS, BOUND, LEVEL = 8, 0.7, 0.95
"""Who is told: after eight questions, where the interval of their share of right answers lies below 0.7.

By simulation with two answers a question, looking after each of 60: 98 of 100 who answer at random, in the
median after 12; 6 of 100 who are right in 0.75 of theirs, and fewer than one in 100 of those who are in 0.85.
"""

Counts = Mapping[int, tuple[float, float]]
"""By id, how many answers were right and how many wrong; the pairs of one ranking count as evidence does."""


@dataclass(frozen=True)
class GoldVotes:
    """Votes on P pairs whose better answer is known, by M people.

    `people` (M,) and `question` (P,) are ids; `first_is_better` (P,) is the truth. A question's pairs are the
    same in all rounds that asked it. Answers that are known to be equal have no votes, and a tie is none.
    """

    votes: Votes
    people: Ids
    question: Ids
    first_is_better: Bools

    @classmethod
    def of(cls, ballots: Ballots, ranks: Mapping[tuple[int, int], int]) -> Self:
        """Of ballots whose comparison is the question's id, and the right ranks by (question, answer)."""
        pairs, votes, people = votes_of(ballots)
        columns = (pairs.comparison.tolist(), pairs.first.tolist(), pairs.second.tolist())
        ahead = [
            ranks[question, second] - ranks[question, first]
            for question, first, second in zip(*columns, strict=True)
        ]
        lead = np.array(ahead, dtype=np.int64)
        return cls(votes.among(lead[votes.pair] != 0), people, pairs.comparison, lead > 0)

    @property
    def is_right(self) -> Bools:
        """(N,): whether each vote is for the better answer."""
        return np.asarray(self.votes.for_first == self.first_is_better[self.votes.pair])

    def by_person(self) -> Counts:
        return self._counts(self.people[self.votes.person])

    def often_wrong(self) -> list[int]:
        """The ids of those who are told that their answers differ from the right ones."""
        pairs = np.stack([self.people[self.votes.person], self.question[self.votes.pair]])
        asked = Counter(np.unique(pairs, axis=1)[0].tolist())
        return [one for one, counts in self.by_person().items() if is_told(asked[one], *counts)]

    def by_question(self) -> Counts:
        return self._counts(self.question[self.votes.pair])

    def _counts(self, of: Ids) -> Counts:
        ids, place = np.unique(of, return_inverse=True)
        right, wrong = (
            np.bincount(place, self.votes.evidence * which, len(ids)).tolist()
            for which in (self.is_right, ~self.is_right)
        )
        return dict(zip(ids.tolist(), zip(right, wrong, strict=True), strict=True))


def is_told(questions: int, right: float, wrong: float) -> bool:
    """Whether somebody with so many answers right and wrong, to so many questions, is told."""
    answers = right + wrong
    return questions >= FEWEST_QUESTIONS and wilson(right / answers, answers, LEVEL)[1] < BOUND
