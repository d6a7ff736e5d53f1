"""How often a volunteer sees a pair of answers as most of the others do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Count, OuterRef, Q, Subquery, Sum, Value, When

from annotator.models import Project, User

if TYPE_CHECKING:
    from .judging import Preference

LAST_JUDGMENTS = 200
FEWEST_PAIRS = 10


@dataclass(frozen=True)
class Agreement:
    """Of `pairs` pairs that a volunteer and most of the others decided, `agreed` were decided alike."""

    agreed: int
    pairs: int

    @property
    def is_told(self) -> bool:
        """Whether there are enough pairs for the share to mean something."""
        return self.pairs >= FEWEST_PAIRS

    @property
    def percent(self) -> int:
        return round(100 * self.agreed / self.pairs) if self.pairs else 0


class PreferenceQuerySet(models.QuerySet["Preference"]):
    def agreement(self, user: User, project: Project) -> Agreement:
        """The user's pairs against the majority of the other people who ranked the same comparison.

        Their own vote is left out of the majority. A pair counts where they prefer one answer and the others'
        votes are not even, so that ties have no side, as in setup S2 of MT-bench (2306.05685). Only rounds
        that are closed count, and only comparisons that they judged: nobody learns what others said
        of something that they may still judge or correct. Of those, the last `LAST_JUDGMENTS`.
        """
        own = user.judgments.settled().of_project(project).order_by("-pk")[:LAST_JUDGMENTS]
        pairs = self.filter(judgment__in=own.values("pk")).annotate(lead=Subquery(self._lead_of_others(user)))
        return Agreement(
            **pairs.aggregate(
                agreed=Count("pk", filter=Q(lead__gt=0)),
                pairs=Count("pk", filter=Q(lead__lt=0) | Q(lead__gt=0)),
            )
        )

    def _lead_of_others(self, user: User) -> "models.QuerySet[Preference, Any]":
        """For an outer preference: the others' votes for it less those against it; NULL without any."""
        same = Q(chosen=OuterRef("chosen"), rejected=OuterRef("rejected"))
        turned = Q(chosen=OuterRef("rejected"), rejected=OuterRef("chosen"))
        votes = self.model.objects.filter(
            same | turned,
            comparison=OuterRef("comparison"),
            judgment__is_current=True,
            judgment__volunteer__is_simulated=False,
        ).exclude(judgment__volunteer=user)
        vote = Case(When(same, then=Value(1)), default=Value(-1))
        # Ordered by nothing, as one group: the sum of all.
        return votes.order_by().values("comparison").annotate(lead=Sum(vote)).values("lead")
