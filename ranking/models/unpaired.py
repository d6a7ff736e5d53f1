"""Completions that people approved or disapproved of by themselves."""

from typing import Any, Self

from django.db import models

from annotator.models import Completion, Project, User

from .answer_reviews import AnswerReview
from .datasets import Dataset
from .exclusions import is_excluded


class UnpairedPreferenceQuerySet(models.QuerySet["UnpairedPreference"]):
    def of_project(self, project: Project) -> Self:
        return self.filter(completion__prompt__project=project)

    def for_dataset(self, project: Project) -> Self:
        """What a dataset taken now holds: all but those of withdrawn prompts and of excluded people, and
        thumbs up for answers that a reviewer took out.
        """
        withdrawn = AnswerReview.objects.withdrawn_in(project).values("completion")
        kept = self.of_project(project).exclude(label=True, completion__in=withdrawn)
        return kept.without_excluded().filter(completion__prompt__withdrawn_at=None)

    def without_excluded(self) -> Self:
        """Without those of people whose judgments a reviewer left out."""
        return self.exclude(is_excluded("completion__prompt__project"))

    def excluded(self) -> Self:
        return self.filter(is_excluded("completion__prompt__project"))

    def in_dataset(self, dataset: Dataset) -> Self:
        """Those that were there when a snapshot was taken."""
        return self.filter(completion__prompt__project=dataset.project_id, pk__lte=dataset.last_unpaired_id)


class UnpairedPreference(models.Model):
    """Somebody gave a completion a thumb up or down in the chat: TRL's unpaired preference, KTO's label."""

    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="unpaired_preferences")
    volunteer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="unpaired_preferences")
    label = models.BooleanField(help_text="True for a thumb up.")
    flags: Any = models.JSONField(default=list, help_text="What is wrong with it: kinds of flags.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UnpairedPreferenceQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("completion", "volunteer"), name="unpaired_once_per_volunteer"),
        )

    def __str__(self) -> str:
        return f"{'Up' if self.label else 'Down'}: completion {self.completion_id}"
