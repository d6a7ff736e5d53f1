"""Starting, stopping and resuming updates."""

from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from ranking.models import Judgment
from training.models import ModelVersion, TrainingRun, Update
from training.tasks import run_update

from .recipes import STAGES, Settings, check_settings

State = Update.State
BUSY = "An update of this project is under way already. Wait for it to end, or cancel it first."


def start_update(
    *,
    project: Project,
    actor: User | None = None,
    slot: datetime | None = None,
    settings: Settings | None = None,
) -> Update:
    """Queue an update of the live version; raises RefusedError while one is active or it could not run.

    `settings` are recipe settings by stage; `slot` is the scheduled time it is started for.
    """
    settings = {} if settings is None else settings
    check_settings(settings)
    parent = ModelVersion.objects.live().filter(project=project).first()
    if parent is None:
        raise RefusedError("This project has no live version yet, so there is nothing to update.")
    if not project.prompts.train().exists() or not project.prompts.held_out().exists():
        raise RefusedError("An update needs prompts to learn from and held-out ones: import more prompts.")
    if project.runs.active().filter(update=None).exists():
        raise RefusedError("Answers are being sampled for the next round. Wait for that to end.")
    try:
        with transaction.atomic():
            update = Update.objects.create(
                project=project, parent=parent, started_by=actor, slot=slot, settings=settings
            )
            record("update.started", actor=actor, project=project, target=update, slot=slot)
            transaction.on_commit(partial(run_update.enqueue, update.pk))
    except IntegrityError as error:  # one active update per project, one update per slot
        raise RefusedError(BUSY) from error
    return update


def request_cancel(*, update: Update, actor: User | None = None) -> None:
    """Ask the worker to stop an update after the next checkpoint; one that still waits ends at once."""
    now = timezone.now()
    with transaction.atomic():
        waiting = Update.objects.filter(pk=update.pk, state=State.QUEUED)
        running = Update.objects.filter(pk=update.pk, state=State.RUNNING)
        if not (
            waiting.update(state=State.CANCELLED, cancel_requested_at=now, finished_at=now)
            or running.update(cancel_requested_at=now)
        ):
            raise RefusedError("This update has ended already, so there is nothing to cancel.")
        record("update.cancel_requested", actor=actor, project=update.project, target=update)
    update.refresh_from_db(fields=["state", "cancel_requested_at", "finished_at"])


def retry_update(*, update: Update, actor: User | None = None) -> None:
    """Let an update that failed or was cancelled go on where it stopped; its parent must still be live.

    Stages that succeeded are kept. As long as no reward model was trained, newer judgments are taken in.
    """
    if not ModelVersion.objects.live().filter(pk=update.parent_id).exists():
        raise RefusedError(f"{update.parent} is no longer live: start a new update of the version that is.")
    try:
        with transaction.atomic():
            if not update.requeue():
                raise RefusedError("Only an update that failed or was cancelled can be tried again.")
            if _needs_new_dataset(update):
                update.dataset = None
                update.save(update_fields=["dataset"])
            record("update.retried", actor=actor, project=update.project, target=update)
            transaction.on_commit(partial(run_update.enqueue, update.pk))
    except IntegrityError as error:
        raise RefusedError(BUSY) from error


def new_judgments(project: Project) -> int:
    """How many judgments no successful update has learned from yet."""
    last = Update.objects.filter(project=project, state=State.SUCCEEDED, dataset__isnull=False).first()
    seen = last.dataset.last_judgment_id if last and last.dataset else 0
    return Judgment.objects.of_project(project).filter(pk__gt=seen).count()


def _needs_new_dataset(update: Update) -> bool:
    reward = update.run_of(STAGES[0])
    if update.dataset is None or (reward is not None and reward.state == TrainingRun.State.SUCCEEDED):
        return False
    judgments = Judgment.objects.of_project(update.project)
    return judgments.filter(pk__gt=update.dataset.last_judgment_id).exists()
