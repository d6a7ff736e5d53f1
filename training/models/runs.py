"""Updates of a chatbot and the engine runs they are made of."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from annotator.models import Project, User
from ranking.models import Dataset, Round
from ranking.models.round_states import RoundState
from training.rlhf.stages import STAGES
from training.signals import failed

from .engine_runs import EngineRun
from .leases import Leased, LeasedQuerySet
from .versions import ModelVersion

ADAPTER_WEIGHTS = "adapter_model.safetensors"


class Update(Leased):
    """One pass of the loop: dataset, reward, ppo, generate, evaluate, and the candidate it made."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="updates")
    number = models.PositiveIntegerField(editable=False)
    started_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    slot = models.DateTimeField(
        null=True, blank=True, help_text="The scheduled time it was started for, if it was."
    )
    settings: Any = models.JSONField(
        default=dict, help_text="Recipe settings by stage that differ from the defaults."
    )
    plan: Any = models.JSONField(
        default=dict, help_text="What the engine chose beside these settings, why, and what it will take."
    )
    parent = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="+", help_text="Live when it began."
    )
    round = models.ForeignKey(
        Round,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="updates",
        help_text="The newest when it began, which it learns from among others.",
    )
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True)
    candidate = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="update"
    )

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "number"), name="update_number_once"),
            models.UniqueConstraint(
                fields=("project",),
                condition=Q(state__in=("queued", "running")),
                name="one_active_update_per_project",
            ),
            models.UniqueConstraint(fields=("project", "slot"), name="one_update_per_slot"),
        )

    def __str__(self) -> str:
        return gettext("Update %(number)d") % {"number": self.number}

    def run_of(self, stage: str) -> "TrainingRun | None":
        """The newest run of a stage."""
        return self.runs.filter(stage=stage).last()

    @transaction.atomic
    def _end(self, rows: LeasedQuerySet, state: Leased.State, **values: Any) -> bool:
        """End the update, whatever run of it is active, and the learning of its round.

        An active run would keep later updates from its stage.
        """
        if not super()._end(rows, state, **values):
            return False
        ended = {"lease": None, "lease_expires_at": None, "finished_at": self.finished_at}
        self.runs.active().update(state=state, error=values.get("error", ""), **ended)
        if self.round and state == self.State.SUCCEEDED:
            self.round.move(RoundState.GATING)
        elif self.round:
            self.round.refresh_from_db(fields=["closed_at"])
            self.round.move(RoundState.CLOSING if self.round.closed_at else RoundState.OPEN)
        if state == self.State.FAILED:
            failed.send(Update, update=self, sampling=None)
        return True


class TrainingRun(EngineRun):
    """One execution of an engine stage, as part of an update or, when answers are sampled, alone."""

    class Stage(models.TextChoices):
        """The engine's stages, which have their labels from there."""

        SFT = "sft"
        REWARD = "reward"
        PPO = "ppo"
        GENERATE = "generate"
        EVALUATE = "evaluate"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    update = models.ForeignKey(Update, on_delete=models.CASCADE, null=True, blank=True, related_name="runs")
    stage = models.CharField(
        max_length=8, choices=[(name, gettext_lazy(stage.label)) for name, stage in STAGES.items()]
    )
    version = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        help_text="The version that a run outside an update samples from.",
    )
    round = models.ForeignKey(
        Round,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="runs",
        help_text="The round that it samples answers for.",
    )
    recipe: Any = models.JSONField(default=dict)

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
        return Path(settings.DATA_DIR) / "runs" / str(self.pk)

    @property
    def arguments(self) -> list[str]:
        return [self.stage, str(self.folder)]

    @property
    def adapter_dir(self) -> Path:
        """Where a reward or ppo run that succeeded left its adapter."""
        return self.folder / "output"

    @transaction.atomic
    def _end(self, rows: LeasedQuerySet, state: Leased.State, **values: Any) -> bool:
        is_ended = super()._end(rows, state, **values)
        if is_ended and state == self.State.FAILED and self.update_id is None:
            failed.send(TrainingRun, update=None, sampling=self)
        return is_ended

    def renew(self, **values: Any) -> None:
        """Hold the lease of the run, and of the update it is part of, for another while."""
        super().renew(**values)
        if self.update is not None:
            self.update.renew()

    def is_cancel_requested(self) -> bool:
        """Whether somebody asked, since the row was read, to stop this run or its update."""
        return (
            TrainingRun.objects.filter(pk=self.pk)
            .filter(Q(cancel_requested_at__isnull=False) | Q(update__cancel_requested_at__isnull=False))
            .exists()
        )
