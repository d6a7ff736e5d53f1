"""Parts of the week that a project does by itself: saving when, and doing them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Project, User
from annotator.services.audit import record
from annotator.shown import Shown, check_shown
from ranking.models import Assignment, Inclusion, Judgment, UnpairedPreference
from ranking.models.round_states import RoundState
from ranking.services import snapshot_preferences
from training.cron import next_times
from training.facts import routine_facts
from training.models import ModelVersion, Routine
from training.services.sampling.control import sample_live_version
from training.services.schedules import PAUSED, PassedOverError, cause_of
from training.services.telling import tell_report

STILL_OPEN, UNDECIDED, NOTHING_NEW, NO_ROUND = "still_open", "undecided", "nothing_new", "no_round"
"""Why a routine was passed over, beside the causes of `schedules`: the `cause` in its audit row."""

Kind = Routine.Kind
DONE, PASSED_OVER = "routine.done", "routine.passed_over"


class TakenError(Exception):
    """Another clock took the slot."""


def save_routine(
    *, project: Project, kind: str, cron: str, is_enabled: bool, actor: User, shown: Shown | None = None
) -> Routine:
    """Set when a project does this by itself; raises CronError for a time that cannot be.

    It comes at the next slot from now on: what would have been due before is left out.
    """
    now = timezone.now()
    next_times(cron, project.timezone, now, 1)
    values = {"cron": cron, "is_enabled": is_enabled, "checked_at": now}
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_shown(shown, routine_facts(project, kind))
        routine, _ = Routine.objects.update_or_create(project=project, kind=kind, defaults=values)
        facts = {"kind": kind, "cron": cron, "zone": project.timezone, "is_enabled": is_enabled}
        record("routine.saved", actor=actor, project=project, target=routine, **facts)
    return routine


def see_to(routine: Routine, now: datetime) -> None:
    """Do a routine for the newest slot that came due, or pass the slot over with the reason on record.

    The slot is taken in the transaction of what is done, so that of several clocks one does it, and a clock
    that is killed leaves it to the next.
    """
    slot = routine.slot_due(now)
    if slot is None:
        return

    def take(verb: str = DONE, **facts: object) -> None:
        # Locked first, as by whoever saves the routine, so that neither waits for the other for ever.
        Project.objects.select_for_update(no_key=True).get(pk=routine.project_id)
        if not routine.take(slot):
            raise TakenError
        named = {"kind": routine.kind, "slot": slot, **facts}
        record(verb, actor=None, project=routine.project, target=routine, **named)

    with suppress(TakenError):
        try:
            if routine.project.rounds.filter(state=RoundState.PAUSED).exists():
                raise PassedOverError(PAUSED, "The round is paused.")
            _ACTS[Kind(routine.kind)](routine, slot, take)
        except RefusedError as refused:
            with transaction.atomic():
                take(PASSED_OVER, reason=str(refused), cause=cause_of(refused, routine.project))


def last_saved(routine: Routine) -> AuditEvent | None:
    """Who set its times, and when; None before anybody did."""
    return _newest(routine, "routine.saved") if routine.pk else None


def last_outcome(routine: Routine) -> AuditEvent | None:
    """The audit row of the newest slot, done or passed over; None where none came since it was saved."""
    event = _newest(routine, "routine.saved", DONE, PASSED_OVER) if routine.pk else None
    return event if event and event.verb != "routine.saved" else None


def _newest(routine: Routine, *verbs: str) -> AuditEvent | None:
    events = AuditEvent.objects.about(routine.project, *verbs, target=routine)
    return events.select_related("actor").first()


def _sample(routine: Routine, slot: datetime, take: Callable[[], None]) -> None:
    """Answers of a version that may soon be replaced, or that would close what people rank, are not made."""
    project = routine.project
    with transaction.atomic():
        take()
        asked = Assignment.objects.ordinary().filter(round__in=project.rounds.open())
        if asked.exclude(state=Assignment.State.DONE).exists():
            raise PassedOverError(STILL_OPEN, "The open round is not ranked to its end.")
        if project.versions.filter(state=ModelVersion.State.CANDIDATE).exists():
            raise PassedOverError(UNDECIDED, "A candidate waits for a decision.")
        sample_live_version(project=project)


def _snapshot(routine: Routine, slot: datetime, take: Callable[[], None]) -> None:
    project, last = routine.project, routine.project.datasets.first()
    judgments, thumbs = Judgment.objects.for_dataset(project), UnpairedPreference.objects.for_dataset(project)
    if last:
        judgments = Inclusion.objects.missing_from(last)
        thumbs = thumbs.filter(pk__gt=last.last_unpaired_id)
    if not judgments.exists() and not thumbs.exists():
        raise PassedOverError(NOTHING_NEW, "Nothing was judged since the newest dataset.")
    snapshot_preferences(project=project, before_commit=take)


def _report(routine: Routine, slot: datetime, take: Callable[[], None]) -> None:
    with transaction.atomic():
        take()
        if not tell_report(routine.project, slot):
            raise PassedOverError(NO_ROUND, "No round has been opened yet.")


_ACTS: dict[Kind, Callable[[Routine, datetime, Callable[[], None]], None]] = {
    Kind.SAMPLE: _sample,
    Kind.DATASET: _snapshot,
    Kind.REPORT: _report,
}
