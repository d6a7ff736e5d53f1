"""Model versions, their evaluations, and which one is live."""

from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.models import Author, Project, User
from ranking.models import Dataset


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def live(self) -> Self:
        return self.filter(state=ModelVersion.State.LIVE)

    def tested(self) -> Self:
        """Candidates, and versions that were decided about while people still test them."""
        return self.filter(
            Q(state=ModelVersion.State.CANDIDATE) | Q(blind_test__ended_at=None, blind_test__isnull=False)
        )


class ModelVersion(models.Model):
    """An adapter on the project's base model, with its parent and the data it learned from.

    Version 0 is the base model itself and has no adapter.
    """

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")
        LIVE = "live", _("Live")
        RETIRED = "retired", _("Retired")
        REJECTED = "rejected", _("Rejected")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    author = models.OneToOneField(Author, on_delete=models.PROTECT, related_name="version")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True)
    base_model = models.CharField(max_length=500)
    adapter_path = models.CharField(
        max_length=300, blank=True, help_text="Below the data folder; empty for the base itself."
    )
    adapter_sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.CANDIDATE)
    metrics: Any = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    files_deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody had its weights deleted; it cannot be live any more."
    )

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="version_number_once"),
            models.UniqueConstraint(
                fields=("project",), condition=Q(state="live"), name="one_live_version_per_project"
            ),
        )

    def __str__(self) -> str:
        return gettext("Version %(number)d") % {"number": self.number}

    @property
    def adapter_dir(self) -> Path | None:
        return Path(settings.DATA_DIR) / self.adapter_path if self.adapter_path else None

    @property
    def before(self) -> "ModelVersion | None":
        """What was live when it was last released; going back to a version is no release of it.

        None where that version's files were deleted since.
        """
        newest = self.releases.filter(is_rollback=False).first()
        previous = newest.previous if newest else None
        return previous if previous and not previous.files_deleted_at else None

    def become(self, state: State) -> None:
        """Change the state; the caller holds the project's lock."""
        self.state = state
        self.save(update_fields=["state"])


class Evaluation(models.Model):
    """How a version did against another on held-out prompts, by one judge."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="evaluations")
    baseline = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    judge = models.CharField(max_length=60, help_text="For example `reward model`.")
    wins = models.PositiveIntegerField()
    ties = models.PositiveIntegerField()
    losses = models.PositiveIntegerField()
    metrics: Any = models.JSONField(default=dict, help_text="Win rates with their intervals.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)


class Release(models.Model):
    """A version was made live, by whom, and what was live before."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="releases")
    previous = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_rollback = models.BooleanField(default=False)
    released_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
