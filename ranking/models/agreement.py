"""How often a volunteer orders a pair of answers as the majority of the others does."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Q

from annotator.models import Project, User
from ranking.statistics.agreement import agreement_with_others

from .exclusions import is_excluded
from .judgments import Judgment, RankedCompletion

LAST_JUDGMENTS = 200
FEWEST_PAIRS = 10


@dataclass(frozen=True)
class Agreement:
    """Of `pairs` pairs that a volunteer and most of the others decided, `agreed` were decided alike."""

    agreed: int
    pairs: int

    @property
    def is_meaningful(self) -> bool:
        """Whether there are enough pairs for the share to mean something."""
        return self.pairs >= FEWEST_PAIRS

    @property
    def percent(self) -> int:
        return round(100 * self.agreed / self.pairs) if self.pairs else 0


def agreement_of(user: User, project: Project) -> Agreement:
    """The user's pairs compared with the majority of the others who ranked the same comparison.

    Their own vote is left out of the majority, and so are those of excluded people. A pair counts where they
    prefer one answer and the others' votes are not even, so that ties have no side, as in setup S2 of
    MT-bench (2306.05685). Only rounds that are closed count, and only comparisons that they judged: nobody
    learns what others answered where they may still judge or correct. Of those, the last `LAST_JUDGMENTS`.
    What reviewers decide is left out.
    """
    own = user.judgments.settled().of_project(project).at_desk().of_volunteers()
    last = own.order_by("-pk")[:LAST_JUDGMENTS]
    left_out = is_excluded("judgment__comparison__round__project", volunteer="judgment__volunteer")
    rows = RankedCompletion.objects.filter(
        Q(judgment__volunteer=user) | Q(judgment__volunteer__is_simulated=False) & ~left_out,
        judgment__comparison__in=last.values("comparison"),
        judgment__is_current=True,
        judgment__by_reviewer=False,
        judgment__verdict=Judgment.Verdict.RANKED,
    ).values_list("judgment", "judgment__comparison", "completion", "rank", "judgment__volunteer")
    columns = np.array(list(rows.order_by()), dtype=np.int64).reshape(-1, 5).T
    found = agreement_with_others(*columns).get(user.pk)
    return Agreement(found.agreed, found.compared) if found else Agreement(0, 0)
