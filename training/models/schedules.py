"""A project's update schedule."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.models import Project


class Gate(models.TextChoices):
    """Who decides about a candidate, and by what."""

    COORDINATOR = "coordinator", _("A coordinator decides")
    PEOPLE = "people", _("People test it blindly, then a coordinator decides")
    RULE = "rule", _("People test it blindly, then it goes live if it passes everything")


class Schedule(models.Model):
    """When a project is updated by itself, and how."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    cron = models.CharField(max_length=100, default="0 3 * * 1")
    min_new_judgments = models.PositiveIntegerField(
        default=20, help_text="With fewer new judgments than this, a scheduled update is passed over."
    )
    min_people = models.PositiveIntegerField(
        default=0, help_text="Who gave them, simulated ones left out; with fewer, likewise."
    )
    min_pairs = models.PositiveIntegerField(
        default=0, help_text="Decided by majority among them; with fewer, likewise."
    )
    min_agreement = models.PositiveSmallIntegerField(
        default=0, help_text="In percent of the pairs of votes; where that is measured and less, likewise."
    )
    is_enabled = models.BooleanField(default=False)
    gate = models.CharField(max_length=11, choices=Gate.choices, default=Gate.COORDINATOR)
    settings: Any = models.JSONField(default=dict, help_text="Recipe settings of its updates.")
    update_minutes = models.PositiveIntegerField(
        default=8 * 60, help_text="How long an update may take: what its settings are chosen by."
    )
    checked_at = models.DateTimeField(
        auto_now_add=True, help_text="Slots up to this time were started or passed over."
    )

    def __str__(self) -> str:
        return f"{self.cron} ({self.project.timezone})"
