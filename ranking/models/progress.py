"""Progress of a round, without counting its assignments."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

from django.db import connection, models
from django.db.models import Q, Sum
from django.utils import timezone

from annotator.models import Project, User

from .rounds import Round

_ADD_ONE = """
INSERT INTO ranking_tally (round_id, volunteer_id, day, judgments, assignments, added)
VALUES (%s, %s, %s, 1, %s, %s)
ON CONFLICT (round_id, volunteer_id, day) DO UPDATE
SET judgments = ranking_tally.judgments + 1, assignments = ranking_tally.assignments + excluded.assignments,
added = ranking_tally.added + excluded.added
"""


PACE_DAYS = 7


@dataclass(frozen=True)
class Progress:
    """Assignments done and in all, and the judgments given by one volunteer."""

    done: int
    own: int
    total: int

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


class TallyQuerySet(models.QuerySet["Tally"]):
    def of(self, volunteer: User, project: Project) -> Self:
        return self.filter(volunteer=volunteer, round__project=project)

    def today(self) -> Self:
        """Those of today in the current time zone."""
        return self.filter(day=timezone.localdate())

    def total(self) -> int:
        """The judgments of all these rows."""
        return self.aggregate(total=Sum("judgments", default=0))["total"]

    def per_day(self) -> float:
        """The mean number of judgments a day in the last PACE_DAYS days, today among them."""
        since = timezone.localdate() - timedelta(days=PACE_DAYS)
        return self.filter(day__gt=since).total() / PACE_DAYS

    def of_people(self) -> Self:
        """Without simulated volunteers."""
        return self.filter(volunteer__is_simulated=False)

    def by_day(self) -> "models.QuerySet[Tally, Any]":
        """Rows {day, given, simulated}, the newest day first."""
        return (
            self.values("day")
            .annotate(
                given=Sum("judgments"),
                simulated=Sum("judgments", filter=Q(volunteer__is_simulated=True), default=0),
            )
            .order_by("-day")
        )

    def by_volunteer(self) -> "models.QuerySet[Tally, Any]":
        """Rows {volunteer, its name, address and whether it is simulated, given}, the busiest first."""
        return (
            self.values("volunteer", "volunteer__name", "volunteer__email", "volunteer__is_simulated")
            .annotate(given=Sum("judgments"))
            .order_by("-given", "volunteer")
        )

    def progress(self, round_: Round, volunteer: User) -> Progress:
        """The round's progress in assignments, and the volunteer's part in it."""
        counts = self.filter(round=round_).aggregate(
            done=Sum("assignments", default=0),
            own=Sum("judgments", filter=Q(volunteer=volunteer), default=0),
            added=Sum("added", default=0),
        )
        return Progress(counts["done"], counts["own"], round_.assignment_count + counts["added"])

    def add_one(
        self, *, round_id: int, volunteer: User, day: date, assignments: int = 1, added: int = 0
    ) -> None:
        """Count one judgment of the volunteer, the assignment it filled, if any, and those added after it.

        Called in the transaction that stores it; `day` is the one in the project's time zone.
        """
        # One statement, which the ORM has none for: of two first ones at a moment none is lost.
        with connection.cursor() as cursor:
            cursor.execute(_ADD_ONE, [round_id, volunteer.pk, day.isoformat(), assignments, added])


class Tally(models.Model):
    """How many judgments a volunteer submitted in a round on one day.

    To count assignments or judgments anew for every page would take the longer the larger the round is. One
    row for the whole round would be fought over by all who submit; a volunteer's own row is not.
    """

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="tallies")
    volunteer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    judgments = models.PositiveIntegerField(default=0)
    assignments = models.PositiveIntegerField(
        default=0, help_text="How many of them filled an assignment: late ones may have none."
    )
    added = models.PositiveIntegerField(
        default=0, help_text="How many assignments were added after them, to comparisons not settled by then."
    )

    objects = TallyQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("round", "volunteer", "day"), name="tally_once_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.judgments} in {self.round} on {self.day}"
