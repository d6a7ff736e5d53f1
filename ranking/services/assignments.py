"""Renewing and skipping assignments."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from annotator.models import Project, User
from ranking.errors import (
    AlreadyJudgedError,
    AssignmentLostError,
    NotYourAssignmentError,
    RankingError,
    SkippedError,
    WrongKeyError,
)
from ranking.models import Assignment, Skip


def renew_assignments(*, project: Project, volunteer: User, now: datetime | None = None) -> list[Assignment]:
    """Renew all assignments that the volunteer holds in the open round; returns them."""
    current = project.rounds.open().first()
    if current is None:
        return []
    now = now or timezone.now()
    held = Assignment.objects.filter(round=current).held_by(volunteer)
    # Conditional, so that whoever took a lapsed assignment a moment ago keeps it.
    held.update(held_until=now + timedelta(minutes=project.assignment_minutes))
    return list(held)


@transaction.atomic
def skip_comparison(*, assignment: Assignment, volunteer: User) -> None:
    """Free the assignment for others and do not offer the comparison to this volunteer again.

    Done again, nothing happens. Where the volunteer does not hold the assignment for another reason it raises
    that reason, see `why_not_held`.
    """
    freed = Assignment.objects.filter(pk=assignment.pk).held_by(volunteer).free()
    if freed:
        Skip.objects.create(comparison_id=assignment.comparison_id, volunteer=volunteer)
        return
    reason = why_not_held(assignment, volunteer)
    if not isinstance(reason, SkippedError):
        raise reason


def why_not_held(assignment: Assignment, volunteer: User) -> RankingError:
    """The reason to give a volunteer who acts on an assignment that they do not hold."""
    comparison = assignment.comparison_id
    if volunteer.judgments.filter(comparison=comparison).exists():
        return AlreadyJudgedError()
    if volunteer.skips.filter(comparison=comparison).exists():
        return SkippedError()
    if volunteer.lapsed_assignments.filter(assignment=assignment).exists():
        return AssignmentLostError()
    return WrongKeyError() if assignment.volunteer_id == volunteer.pk else NotYourAssignmentError()
