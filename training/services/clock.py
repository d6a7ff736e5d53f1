"""What the clock does: start what is scheduled, have versions exported, and revive work whose worker died."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django_tasks.base import Task

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.services.audit import record
from annotator.services.telling.notices import revive_notices
from annotator.services.telling.webhooks import revive_deliveries
from ranking.models import Round
from ranking.models.round_states import RoundState
from training.models import (
    Export,
    Founding,
    Leased,
    ModelVersion,
    Routine,
    Schedule,
    TrainingRun,
    UnpackedBase,
    Update,
)
from training.services.enough import enough_for_update
from training.services.gate.rule import tend
from training.services.jobs import is_waiting
from training.services.plans.control import request_plan
from training.services.routines import see_to
from training.services.sampling.control import sample_live_version
from training.services.schedules import NOT_ENOUGH, PAUSED, PassedOverError, cause_of
from training.services.telling import remind, tell_passed_over
from training.services.updates.control import start_update
from training.services.versions.exports import request_exports
from training.tasks import run_export, run_founding, run_sampling, run_unpacking, run_update

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 5


def tick(now: datetime | None = None) -> None:
    """Start what is due, have updates planned, revive abandoned work, and delete sessions that have ended.

    Safe to call from several clocks.
    """
    now = now or timezone.now()
    SessionStore.clear_expired()
    for schedule in Schedule.objects.filter(is_enabled=True).select_related("project"):
        _guarded(schedule, partial(start_due, schedule, now))
        _guarded(schedule, partial(remind, schedule, now))
    for routine in Routine.objects.filter(is_enabled=True).select_related("project"):
        _guarded(routine, partial(see_to, routine, now))
    for project in Project.objects.exclude(updates__state__in=Update.ACTIVE):
        _guarded(project, partial(request_plan, project))
    for update in Update.objects.claimable():
        _guarded(update, partial(_revive, update, run_update))
    for run in TrainingRun.objects.claimable().filter(update=None):
        _guarded(run, partial(_revive, run, run_sampling))
    for candidate in ModelVersion.objects.tested().select_related("project", "author"):
        _guarded(candidate, partial(tend, candidate))
    for prepared in Round.objects.preparing().select_related("project"):
        _guarded(prepared, partial(_sample_for, prepared))
    revive_notices()
    revive_deliveries()
    request_exports()
    for export in Export.objects.claimable():
        _guarded(export, partial(_revive, export, run_export))
    for base in UnpackedBase.objects.claimable():
        _guarded(base, partial(_revive, base, run_unpacking))
    for founding in Founding.objects.claimable():
        _guarded(founding, partial(_revive, founding, run_founding))


def start_due(schedule: Schedule, now: datetime) -> Update | None:
    """Start an update for the newest slot that came due, or pass the slot over with the reason on record."""
    slot = schedule.slot_due(now)
    if slot is None:
        return None
    with transaction.atomic():
        # Locked first, as by whoever saves the schedule, so that neither waits for the other for ever.
        Project.objects.select_for_update(no_key=True).get(pk=schedule.project_id)
        if not schedule.take(slot):
            return None
        project, enough = schedule.project, enough_for_update(schedule.project, schedule)
        try:
            if project.rounds.filter(state=RoundState.PAUSED).exists():
                raise PassedOverError(PAUSED, "The round is paused.")
            if enough.missing:
                words = ", ".join(each.words for each in enough.missing)
                raise PassedOverError(NOT_ENOUGH, f"There is not enough new data ({words}).")
            return start_update(project=project, slot=slot, settings=schedule.settings)
        except RefusedError as refused:
            record(
                "schedule.passed_over",
                actor=None,
                project=project,
                target=schedule,
                slot=slot,
                reason=str(refused),
                cause=cause_of(refused, project),
                missing=enough.as_json(),
            )
            if enough.missing:
                tell_passed_over(schedule, slot)
            return None


def _sample_for(prepared: Round) -> None:
    """Start the sampling that a round waits for, unless it was begun: one that failed waits for a person."""
    if not prepared.runs.filter(version__author=prepared.author_id).exists():
        with suppress(RefusedError):
            sample_live_version(project=prepared.project)


def _guarded(subject: Model, act: Callable[[], object]) -> None:
    """What goes wrong with one schedule or update must not keep the clock from the others."""
    try:
        act()
    except Exception:
        logger.exception("The clock could not see to %s", subject)


def _revive(work: Leased, job: Task) -> None:
    """See that claimable work has a job waiting for it, unless it killed its workers too often."""
    if work.attempt >= MAX_ATTEMPTS:
        work.give_up(
            f"The worker stopped {work.attempt} times while it was at this, most often because the machine "
            "ran out of memory. What was done so far was kept."
        )
    elif not is_waiting(job, work.pk):
        job.enqueue(work.pk)
