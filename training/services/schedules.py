"""A project's update schedule: saving it, and its next times."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from training.cron import CronError, next_times
from training.facts import schedule_facts
from training.models import Gate, Recurring, Routine, Schedule
from training.services.plans.control import request_plan
from training.services.runs.recipes import Settings, check_settings

NOT_ENOUGH, PAUSED, UNDER_WAY = "not_enough", "paused", "under_way"
"""Why a scheduled time was passed over: the `cause` in its audit row."""


class PassedOverError(RefusedError):
    """What was scheduled is not done, for a cause that pages have words for."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def cause_of(refused: RefusedError, project: Project) -> str:
    """Why a scheduled time was passed over, where pages have words of their own for it."""
    if isinstance(refused, PassedOverError):
        return refused.cause
    is_busy = project.updates.active().exists() or project.runs.active().filter(update=None).exists()
    return UNDER_WAY if is_busy else ""


def save_schedule(
    *,
    project: Project,
    cron: str,
    is_enabled: bool,
    min_new_judgments: int,
    min_people: int = 0,
    min_pairs: int = 0,
    min_agreement: int = 0,
    gate: str = Gate.COORDINATOR,
    actor: User,
    settings: Settings,
    update_minutes: int = 8 * 60,
    shown: Shown | None = None,
) -> Schedule:
    """Set when and how a project is updated; raises CronError or RefusedError for what cannot be.

    The first update comes at the next slot from now on: what would have been due before is left out.
    """
    check_settings(settings)
    now = timezone.now()
    next_times(cron, project.timezone, now, 1)
    values = {
        "cron": cron,
        "is_enabled": is_enabled,
        "min_new_judgments": min_new_judgments,
        "min_people": min_people,
        "min_pairs": min_pairs,
        "min_agreement": min_agreement,
        "gate": gate,
        "checked_at": now,
        "settings": settings,
        "update_minutes": update_minutes,
    }
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_shown(shown, schedule_facts(project))
        schedule, _ = Schedule.objects.update_or_create(project=project, defaults=values)
        record(
            "schedule.saved", actor=actor, project=project, target=schedule, cron=cron, zone=project.timezone
        )
        request_plan(project)
    return schedule


def leave_out_what_was_due(project: Project) -> None:
    """Let what is scheduled come at its next slot from now on."""
    now = timezone.now()
    Schedule.objects.filter(project=project).update(checked_at=now)
    Routine.objects.filter(project=project).update(checked_at=now)


def upcoming(recurring: Recurring | None, *, count: int) -> list[datetime]:
    """The next times of what is scheduled, in its project's time zone; none when it is off."""
    if recurring is None or not recurring.is_enabled:
        return []
    try:
        return next_times(recurring.cron, recurring.project.timezone, timezone.now(), count)
    except CronError:
        return []


def last_saved(project: Project) -> AuditEvent | None:
    """Who set the schedule, and when; None before anybody did. It goes on whatever becomes of them."""
    return AuditEvent.objects.about(project, "schedule.saved").select_related("actor").first()


def passed_over(project: Project) -> AuditEvent | None:
    """Why the newest slot started no update; None when one was started, or the schedule saved, since."""
    event = AuditEvent.objects.about(project, "schedule.passed_over").first()
    if event is None:
        return None
    saved = AuditEvent.objects.about(project, "schedule.saved").filter(pk__gt=event.pk).exists()
    started = project.updates.filter(created_at__gt=event.created_at).exists()
    return None if saved or started else event
