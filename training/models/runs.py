"""Updates of a chatbot and the engine runs they are made of."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotator.models import Project, User
from ranking.models import Dataset

from .versions import ModelVersion

LEASE = timedelta(seconds=60)


class Update(models.Model):
    """One pass of the loop: dataset, reward, ppo, generate, evaluate, and the candidate it made."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE: ClassVar = (State.QUEUED, State.RUNNING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="updates")
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    slot = models.DateTimeField(
        null=True, blank=True, help_text="The scheduled time it was started for, if it was."
    )
    settings: Any = models.JSONField(
        default=dict, help_text="Recipe settings by stage that differ from the defaults."
    )
    parent = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="+", help_text="Live when it began."
    )
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True)
    candidate = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="update"
    )
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("project",),
                condition=Q(state__in=("queued", "running")),
                name="one_active_update_per_project",
            ),
            models.UniqueConstraint(fields=("project", "slot"), name="one_update_per_slot"),
        )

    def __str__(self) -> str:
        return f"Update {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    def active(self) -> Self:
        return self.filter(state__in=TrainingRun.ACTIVE)

    def abandoned(self) -> Self:
        """Runs whose worker stopped renewing its lease: it died, or lost the machine."""
        return self.filter(state=TrainingRun.State.RUNNING, lease_expires_at__lt=timezone.now())


class TrainingRun(models.Model):
    """One execution of an engine stage.

    A worker holds the run by a lease that it renews; `attempt` counts the leases taken. Everything
    a worker writes is conditional on still holding the lease, so one that lost it cannot publish.
    """

    class Stage(models.TextChoices):
        SFT = "sft", "Supervised fine-tuning"
        REWARD = "reward", "Reward model"
        PPO = "ppo", "PPO"
        GENERATE = "generate", "Generate"
        EVALUATE = "evaluate", "Evaluate"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE: ClassVar = (State.QUEUED, State.RUNNING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    update = models.ForeignKey(Update, on_delete=models.CASCADE, null=True, blank=True, related_name="runs")
    stage = models.CharField(max_length=8, choices=Stage.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    recipe: Any = models.JSONField(default=dict)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True, default=None)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress: Any = models.JSONField(default=dict, help_text="The last line of progress.jsonl.")
    result: Any = models.JSONField(default=dict, help_text="The engine's result.json.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("project", "stage"),
                condition=Q(state__in=("queued", "running")),
                name="one_active_run_per_stage",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_stage_display()}, run {self.pk}"

    @property
    def folder(self) -> Path:
        """The engine's run directory."""
        return Path(settings.DATA_DIR) / "runs" / str(self.pk)

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    def claim(self) -> uuid.UUID | None:
        """Take the lease if nobody holds a current one; None means that another worker has it."""
        lease = uuid.uuid4()
        now = timezone.now()
        claimed = (
            TrainingRun.objects.filter(pk=self.pk)
            .filter(Q(state=self.State.QUEUED) | Q(state=self.State.RUNNING, lease_expires_at__lt=now))
            .update(
                state=self.State.RUNNING,
                lease=lease,
                lease_expires_at=now + LEASE,
                attempt=models.F("attempt") + 1,
                started_at=Coalesce("started_at", now),
            )
        )
        if not claimed:
            return None
        self.refresh_from_db()
        return lease
