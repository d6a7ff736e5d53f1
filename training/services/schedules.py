"""What the clock does: scheduled updates, and work whose worker died."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Model
from django.utils import timezone as clock
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project, User
from annotator.services.audit import record
from training.cron import CronError, latest_time, next_times
from training.models import Leased, Schedule, TrainingRun, Update
from training.tasks import run_sampling, run_update

from .recipes import Settings, check_settings
from .updates import new_judgments, start_update

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 5


def tick(now: datetime | None = None) -> None:
    """Start what is due and hand abandoned work to a worker again; safe to call from several clocks."""
    now = now or clock.now()
    for schedule in Schedule.objects.filter(is_enabled=True).select_related("project"):
        _guarded(schedule, partial(start_due, schedule, now))
    for update in Update.objects.claimable():
        _guarded(update, partial(_revive, update, run_update))
    for run in TrainingRun.objects.claimable().filter(update=None):
        _guarded(run, partial(_revive, run, run_sampling))


def start_due(schedule: Schedule, now: datetime) -> Update | None:
    """Start an update for the newest slot that came due, or pass the slot over with the reason on record."""
    slot = latest_time(schedule.cron, schedule.timezone, schedule.checked_at, now)
    if slot is None:
        return None
    with transaction.atomic():
        # Of several clocks one moves the mark; the others see it moved and leave the slot alone.
        unseen = Schedule.objects.filter(pk=schedule.pk, checked_at=schedule.checked_at)
        if not unseen.update(checked_at=slot):
            return None
        project, fresh = schedule.project, new_judgments(schedule.project)
        try:
            if fresh < schedule.min_new_judgments:
                raise RefusedError(
                    f"Only {fresh} new judgments; the schedule asks for {schedule.min_new_judgments}."
                )
            return start_update(project=project, slot=slot, settings=schedule.settings)
        except RefusedError as refused:
            record(
                "schedule.passed_over",
                actor=None,
                project=project,
                target=schedule,
                slot=slot,
                reason=str(refused),
            )
            return None


def save_schedule(
    *,
    project: Project,
    cron: str,
    timezone: str,
    is_enabled: bool,
    min_new_judgments: int,
    actor: User,
    settings: Settings,
) -> Schedule:
    """Set when a project is updated; raises CronError or RefusedError for what cannot be.

    The first update comes at the next slot from now on: what would have been due before is left out.
    """
    check_settings(settings)
    now = clock.now()
    next_times(cron, timezone, now, 1)
    values = {
        "cron": cron,
        "timezone": timezone,
        "is_enabled": is_enabled,
        "min_new_judgments": min_new_judgments,
        "checked_at": now,
        "settings": settings,
    }
    with transaction.atomic():
        schedule, _ = Schedule.objects.update_or_create(project=project, defaults=values)
        record("schedule.saved", actor=actor, project=project, target=schedule, cron=cron, zone=timezone)
    return schedule


def upcoming(project: Project, *, count: int) -> list[datetime]:
    """The next times at which a project is updated by itself, in its time zone; none when that is off."""
    schedule = Schedule.objects.filter(project=project, is_enabled=True).first()
    try:
        return next_times(schedule.cron, schedule.timezone, clock.now(), count) if schedule else []
    except CronError:
        return []


def passed_over(project: Project) -> AuditEvent | None:
    """Why the newest slot started no update; None when an update was started since."""
    event = AuditEvent.objects.filter(project=project, verb="schedule.passed_over").first()
    started = event is not None and project.updates.filter(created_at__gt=event.created_at).exists()
    return None if started else event


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
    elif not _has_waiting_job(work, job):
        job.enqueue(work.pk)


def _has_waiting_job(work: Leased, job: Task) -> bool:
    waiting = DBTaskResult.objects.ready().filter(task_path=job.module_path)
    return any(task.args_kwargs["args"] == [work.pk] for task in waiting)
