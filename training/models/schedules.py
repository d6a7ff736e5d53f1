"""A project's update schedule."""

from typing import Any

from django.db import models

from annotator.models import Project


class Schedule(models.Model):
    """A project's cron expression and time zone."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    cron = models.CharField(max_length=100, default="0 3 * * 1")
    timezone = models.CharField(max_length=60, default="UTC")
    min_new_judgments = models.PositiveIntegerField(
        default=20, help_text="With fewer new judgments than this, a scheduled update is passed over."
    )
    is_enabled = models.BooleanField(default=False)
    settings: Any = models.JSONField(default=dict, help_text="Recipe settings of its updates.")
    checked_at = models.DateTimeField(
        auto_now_add=True, help_text="Slots up to this time were started or passed over."
    )

    def __str__(self) -> str:
        return f"{self.cron} ({self.timezone})"
