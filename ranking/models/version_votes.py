"""Votes on versions: which one of two authors a judgment prefers, of all whose answers it ranked."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranking.statistics.ballots import number_rows, sides_of
from ranking.statistics.bradley_terry import Votes
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
        people, person = np.unique(self.votes.person, return_inverse=True)
        given = np.unique(items * len(people) + np.tile(person, 2)) // max(len(people), 1)
        votes, voters = (np.bincount(column, minlength=len(self.authors)) for column in (items, given))
        return votes, voters


def version_votes_in(judgments: JudgmentQuerySet) -> VersionVotes:
    """A vote for each judgment at the desk and each two authors of answers that it ranked.

    Its outcome is the mean over all pairs of one answer of each, as in blind tests: 1, 1/2 or 0 for a win of
    the first, a tie, a loss. What reviewers decide is left out: they are asked where versions are hardest to
    tell apart, so their votes would draw all of them together.
    """
    counted = judgments.at_desk().of_volunteers().filter(verdict=Judgment.Verdict.RANKED)
    known, *given = _judgments_in(counted)
    judgment, author, rank = _ranks_in(counted)
    kept = np.isin(judgment, known)  # a judgment may have come between both
    sides = sides_of(*(column[kept] for column in (judgment, judgment, author, rank)))
    differ = sides.first != sides.second
    first, second = sides.first[differ], sides.second[differ]
    row, place = number_rows(sides.judgment[differ], first, second)
    points = np.bincount(place, (sides.better[differ] + 1) / 2, len(row))
    authors, numbers = np.unique(np.stack([first[row], second[row]]), return_inverse=True)
    judged = np.searchsorted(known, sides.judgment[differ][row])
    person, prompt, is_simulated = (column[judged] for column in given)
    outcome = points / np.bincount(place, minlength=len(row))
    one, other = numbers.reshape(2, -1)
    return VersionVotes(Votes(one, other, outcome, person, prompt), authors, is_simulated.astype(bool))


def _judgments_in(judgments: JudgmentQuerySet) -> Ids:
    """(4, J): of each, in order, its id, the person, the prompt, and whether they are simulated.

    Read apart from the ranks, of which each would bring these along.
    """
    rows = judgments.order_by("pk").values_list(
        "pk", "volunteer", "comparison__prompt", "volunteer__is_simulated"
    )
    return np.array(list(rows), dtype=np.int64).reshape(-1, 4).T


def _ranks_in(judgments: JudgmentQuerySet) -> Ids:
    """(3, N): of each rank the judgment, the author and the rank."""
    ranked = judgments.filter(ranks__isnull=False).order_by()
    rows = ranked.values_list("pk", "ranks__completion__author", "ranks__rank")
    return np.array(list(rows), dtype=np.int64).reshape(-1, 3).T
