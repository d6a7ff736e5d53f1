"""Votes on versions: which one of two authors a judgment prefers, of all whose answers it ranked."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranking.statistics.bradley_terry import Votes
from ranking.statistics.consensus import number_rows, of_votes, sides_of
from ranking.statistics.sequential import Ids

from .judgments import Judgment, JudgmentQuerySet


@dataclass(frozen=True)
class VersionVotes:
    """N votes on M authors; `authors` (M,) has the ids behind the numbers, `is_simulated` is (N,)."""

    votes: Votes
    authors: Ids
    is_simulated: NDArray[np.bool_]

    def among(self, items: Ids) -> Self:
        """The votes on these of the authors, which are numbered anew."""
        number = np.full(len(self.authors), -1)
        number[items] = np.arange(len(items))
        first, second = number[self.votes.first], number[self.votes.second]
        kept = (first >= 0) & (second >= 0)
        votes = self.votes._replace(first=first, second=second).at(kept)
        return type(self)(votes, self.authors[items], self.is_simulated[kept])

    def without(self, people: Ids) -> Self:
        """The votes of everybody else."""
        kept = ~np.isin(self.votes.person, people)
        return type(self)(self.votes.at(kept), self.authors, self.is_simulated[kept])

    def counts(self) -> tuple[Ids, Ids]:
        """(M,) each: how many votes there are on an author's answers, and of how many people."""
        items = np.concatenate([self.votes.first, self.votes.second])
        given = np.unique(np.stack([items, np.tile(self.votes.person, 2)]), axis=1)
        votes, people = (np.bincount(column, minlength=len(self.authors)) for column in (items, given[0]))
        return votes, people


def version_votes_in(judgments: JudgmentQuerySet) -> VersionVotes:
    """A vote for each judgment at the desk and each two authors of answers that it ranked.

    Its outcome is the mean over all pairs of one answer of each, as in blind tests: 1, 1/2 or 0 for a win of
    the first, a tie, a loss. What reviewers decide is left out: they are asked where versions are hardest to
    tell apart, so their votes would draw all of them together.
    """
    given = judgments.at_desk().of_volunteers().order_by()
    rows = given.filter(verdict=Judgment.Verdict.RANKED, ranks__isnull=False).values_list(
        "pk",
        "volunteer",
        "volunteer__is_simulated",
        "comparison__prompt",
        "ranks__completion__author",
        "ranks__rank",
    )
    columns = np.array(list(rows), dtype=np.int64).reshape(-1, 6).T
    judgment, person, is_simulated, prompt, author, rank = columns
    sides = sides_of(judgment, prompt, author, rank)
    differ = sides.first != sides.second
    first, second = sides.first[differ], sides.second[differ]
    row, place = number_rows(sides.judgment[differ], first, second)
    points = np.bincount(place, (sides.better[differ] + 1) / 2, len(row))
    authors, numbers = np.unique(np.stack([first[row], second[row]]), return_inverse=True)
    given_by, given_about, simulated = (
        of_votes(sides, judgment, column)[differ][row] for column in (person, prompt, is_simulated)
    )
    outcome = points / np.bincount(place, minlength=len(row))
    one, other = numbers.reshape(2, -1)
    votes = Votes(one, other, outcome, given_by, given_about)
    return VersionVotes(votes, authors, simulated.astype(bool))
