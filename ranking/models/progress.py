"""Progress of a round, without counting its assignments."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self

from django.db import connection, models
from django.db.models import F, Q, Sum
from django.utils import timezone

from annotator.models import Project, User

from .rounds import Round

_ADD_ONE = """
INSERT INTO ranking_tally (round_id, volunteer_id, day, judgments, assignments, added, gold)
VALUES (%s, %s, %s, 1, %s, %s, %s)
ON CONFLICT (round_id, volunteer_id, day) DO UPDATE
SET judgments = ranking_tally.judgments + 1, assignments = ranking_tally.assignments + excluded.assignments,
added = ranking_tally.added + excluded.added, gold = ranking_tally.gold + excluded.gold
"""


PACE_DAYS = 7
_ORDINARY = F("judgments") - F("gold")


@dataclass(frozen=True)
class Progress:
    """Assignments done and in all, and the judgments of one volunteer, `gold` of them on gold questions."""

    done: int
    own: int
    total: int
    gold: int = 0

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0

    @property
    def as_seen(self) -> "Progress":
        """What volunteers see: each judgment of theirs moves it, or those on gold questions would stand out.

        It is at its end when the round is.
        """
        if self.done >= self.total:
            return self
        return replace(self, done=min(self.done + self.gold, self.total - 1))


class TallyQuerySet(models.QuerySet["Tally"]):
    def of(self, volunteer: User, project: Project) -> Self:
        return self.filter(volunteer=volunteer, round__project=project)

    def today(self) -> Self:
        """Those of today in the current time zone."""
        return self.filter(day=timezone.localdate())

    def total(self) -> int:
        """The judgments of all these rows."""
        return self.aggregate(total=Sum("judgments", default=0))["total"]

    def ordinary_total(self) -> int:
        """Those that were not on gold questions."""
        return self.aggregate(total=Sum(_ORDINARY, default=0))["total"]

    def per_day(self) -> float:
        """The mean number of judgments a day in the last PACE_DAYS days, today among them; no gold ones."""
        since = timezone.localdate() - timedelta(days=PACE_DAYS)
        return self.filter(day__gt=since).ordinary_total() / PACE_DAYS

    def of_people(self) -> Self:
        """Without simulated volunteers."""
        return self.filter(volunteer__is_simulated=False)

    def by_day(self) -> "models.QuerySet[Tally, Any]":
        """Rows {day, given, simulated}, the newest day first; without judgments on gold questions."""
        return (
            self.values("day")
            .annotate(
                given=Sum(_ORDINARY),
                simulated=Sum("judgments", filter=Q(volunteer__is_simulated=True), default=0),
            )
            .filter(given__gt=0)
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
            gold=Sum("gold", filter=Q(volunteer=volunteer), default=0),
        )
        total = round_.assignment_count + counts["added"]
        return Progress(counts["done"], counts["own"], total, counts["gold"])

    def add_one(
        self,
        *,
        round_id: int,
        volunteer: User,
        day: date,
        assignments: int = 1,
        added: int = 0,
        gold: int = 0,
    ) -> None:
        """Count one judgment of the volunteer, the assignment it filled, if any, and those added after it.

        One on a gold question, with a `gold` of 1, fills none: it does not bring the round on.

        Called in the transaction that stores it; `day` is the one in the project's time zone.
        """
        # One statement, which the ORM has none for: of two first ones at a moment none is lost.
        with connection.cursor() as cursor:
            cursor.execute(_ADD_ONE, [round_id, volunteer.pk, day.isoformat(), assignments, added, gold])


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
    gold = models.PositiveIntegerField(default=0, help_text="How many of them were on gold questions.")
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
