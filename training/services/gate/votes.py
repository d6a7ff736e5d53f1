"""What people said in a blind test, as columns for its statistics."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.models import Judgment, RankedCompletion
from ranking.models.judgments import JudgmentQuerySet
from ranking.statistics.sequential import Column, Ids
from training.models import BlindTest


@dataclass(frozen=True)
class Votes:
    """Columns of N votes, in the order in which they came; `outcome` is 1 where the candidate won.

    A vote on k answers is the mean over all pairs of one answer of each version: 1, 1/2 or 0 for a win, a
    tie, a loss.
    """

    outcome: Column
    person: Ids
    prompt: Ids
    is_simulated: NDArray[np.bool_]

    @property
    def simulated(self) -> int:
        """How many votes are of simulated volunteers."""
        return int(self.is_simulated.sum())


def judgments_of(test: BlindTest) -> JudgmentQuerySet:
    """The current judgments of the test's comparisons, but for those of people excluded when it began.

    Who is excluded, or included again, while it runs changes nothing in it: the rule by which it stops holds
    only for votes that nobody chose after some were seen.
    """
    given = Judgment.objects.filter(is_current=True, comparison__in=test.comparisons.all())
    return given.without_excluded(at=test.created_at)


def votes_of(test: BlindTest) -> Votes:
    """The current judgments that ranked the test's comparisons; other verdicts prefer neither version."""
    rows = RankedCompletion.objects.filter(
        judgment__in=judgments_of(test).filter(verdict=Judgment.Verdict.RANKED)
    ).values_list(
        "judgment",
        "judgment__volunteer",
        "judgment__volunteer__is_simulated",
        "judgment__comparison__prompt",
        "completion__author",
        "rank",
    )
    ranks: dict[tuple[int, int, bool, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for judgment, person, is_simulated, prompt, author, rank in rows.order_by("judgment"):
        ranks[judgment, person, is_simulated, prompt][author].append(rank)
    ours, theirs = test.candidate.author_id, test.baseline.author_id
    return Votes(
        np.array([_outcome(by[ours], by[theirs]) for by in ranks.values()], dtype=np.float64),
        np.array([person for _judgment, person, *_rest in ranks], dtype=np.int64),
        np.array([prompt for *_rest, prompt in ranks], dtype=np.int64),
        np.array([is_simulated for *_rest, is_simulated, _prompt in ranks], dtype=np.bool_),
    )


def _outcome(ours: list[int], theirs: list[int]) -> float:
    """The share of pairs that the candidate won, ties as half; a lower rank is better."""
    return float(np.mean([(np.sign(their - own) + 1) / 2 for own in ours for their in theirs]))
