"""What a number of judgments amounts to: people, decided pairs, and how far people agree."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q
from numpy.typing import NDArray

from ranking.statistics.agreement import PairwiseAgreement, pairwise_agreement
from ranking.statistics.ballots import Ballots
from ranking.statistics.consensus import Fit, find_consensus

from .judgments import Judgment, JudgmentQuerySet

Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class Collected:
    """`judgments` by so many `people` and `simulated` volunteers decide so many `pairs` by their consensus.

    `agreement` is that of people.
    """

    judgments: int
    of_simulated: int
    people: int
    simulated: int
    pairs: int
    agreement: PairwiseAgreement

    @property
    def all_simulated(self) -> bool:
        """Whether there are judgments, and none is a person's."""
        return 0 < self.judgments == self.of_simulated


def collected_in(judgments: JudgmentQuerySet, fit: Fit) -> Collected:
    """Count current judgments of a project with this fit, and what they decide; those of excluded people are
    left out.
    """
    judgments = judgments.without_excluded()
    is_simulated = Q(volunteer__is_simulated=True)
    counts = judgments.order_by().aggregate(
        judgments=Count("pk"),
        of_simulated=Count("pk", filter=is_simulated),
        people=Count("volunteer", filter=~is_simulated, distinct=True),
        simulated=Count("volunteer", filter=is_simulated, distinct=True),
    )
    ballots = ballots_in(judgments)
    pairs = int(find_consensus(ballots, fit).decided.sum())
    all_of_people = not counts["of_simulated"] and not ballots.weights
    of_people = ballots.ranks if all_of_people else ranks_in(judgments.of_people())
    return Collected(**counts, pairs=pairs, agreement=pairwise_agreement(*of_people))


def ranks_in(judgments: JudgmentQuerySet) -> Ranks:
    """(4, N): the judgment, comparison, completion and rank of each rank that the judgments gave."""
    ranked = judgments.filter(verdict=Judgment.Verdict.RANKED, ranks__isnull=False).order_by()
    columns = ranked.values_list("pk", "comparison_id", "ranks__completion_id", "ranks__rank")
    return np.array(list(columns), dtype=np.int64).reshape(-1, 4).T


def ballots_in(judgments: JudgmentQuerySet) -> Ballots:
    """The ranks that the judgments gave, with who gave them, and the place of each answer before them."""
    ranked = judgments.filter(verdict=Judgment.Verdict.RANKED, ranks__isnull=False).order_by()
    names = ("pk", "comparison_id", "volunteer_id", "ranks__completion_id", "ranks__rank")
    places, weights = places_in(judgments), weights_in(judgments)
    rows = ranked.values_list(*names)
    return Ballots.of([(*row, places.get((row[0], row[3]), 0)) for row in rows], weights)


def weights_in(judgments: JudgmentQuerySet) -> dict[int, float]:
    """As how many votes each judgment by a reviewer counts, by its id."""
    return dict(judgments.filter(by_reviewer=True).order_by().values_list("pk", "weight"))


def places_in(judgments: JudgmentQuerySet) -> dict[tuple[int, int], int]:
    """By judgment and completion, at which place it was shown, from 0 on."""
    orders = judgments.filter(verdict=Judgment.Verdict.RANKED).order_by()
    shown = orders.values_list("pk", "lapsed_assignment__order", "assignment__order")
    return {
        (judgment, completion): place
        for judgment, lapsed, order in shown
        for place, completion in enumerate(lapsed or order)
    }
