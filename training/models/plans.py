"""What the next update of a project would take."""

from typing import Any

from django.db import models

from annotator.models import Project


class UpdatePlan(models.Model):
    """The settings that the engine chose for a project's next update, and what they will take."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="update_plan")
    basis: Any = models.JSONField(
        default=dict, help_text="What it was made for; out of date when that is another."
    )
    plan: Any = models.JSONField(
        default=dict, help_text="As `plan --update` prints it; empty when it could not be made."
    )
    error = models.TextField(blank=True)
    made_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Plan for {self.project}"
