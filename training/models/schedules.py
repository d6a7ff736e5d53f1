"""What a project does by itself at set times: the whole week, or a part of it."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.models import Project
from training.cron import latest_time


class Gate(models.TextChoices):
    """Who decides about a candidate, and by what."""

    COORDINATOR = "coordinator", _("A coordinator decides")
    PEOPLE = "people", _("People test it blindly, then a coordinator decides")
    RULE = "rule", _("People test it blindly, then it goes live if it passes everything")


class Recurring(models.Model):
    """What the clock sees to at each time (slot) of a cron expression in the project's time zone."""

    project: Any
    cron = models.CharField(max_length=100, default="0 3 * * 1")
    is_enabled = models.BooleanField(default=False)
    checked_at = models.DateTimeField(
        auto_now_add=True, help_text="Slots up to this time were started or passed over."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.cron} ({self.project.timezone})"

    def slot_due(self, now: datetime) -> datetime | None:
        """The newest slot that came due and was not seen to; earlier ones that were missed are left out."""
        return latest_time(self.cron, self.project.timezone, self.checked_at, now)

    def take(self, slot: datetime) -> bool:
        """Take a slot, in the transaction of what is done for it; False where it was taken already.

        Of several clocks one moves the mark; the others see it moved and leave the slot alone.
        """
        untaken = type(self)._default_manager.filter(pk=self.pk, checked_at=self.checked_at)
        return bool(untaken.update(checked_at=slot))


class Schedule(Recurring):
    """When a project is updated by itself, and how: the whole week."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    min_new_judgments = models.PositiveIntegerField(
        default=20, help_text="With fewer new judgments than this, a scheduled update is passed over."
    )
    min_people = models.PositiveIntegerField(
        default=0, help_text="Who gave them, simulated ones left out; with fewer, likewise."
    )
    min_pairs = models.PositiveIntegerField(
        default=0, help_text="Of which they prefer one answer; with fewer, likewise."
    )
    min_agreement = models.PositiveSmallIntegerField(
        default=0, help_text="In percent of the pairs of votes; where that is measured and less, likewise."
    )
    gate = models.CharField(max_length=11, choices=Gate.choices, default=Gate.COORDINATOR)
    settings: Any = models.JSONField(default=dict, help_text="Recipe settings of its updates.")
    update_minutes = models.PositiveIntegerField(
        default=8 * 60, help_text="How long an update may take: what its settings are chosen by."
    )


class Routine(Recurring):
    """A part of the week that a project does by itself at times of its own."""

    class Kind(models.TextChoices):
        SAMPLE = "sample", _("Answers only")
        DATASET = "dataset", _("Dataset only")
        REPORT = "report", _("Report")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="routines")
    kind = models.CharField(max_length=7, choices=Kind.choices)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "kind"), name="routine_once_per_project"),)
