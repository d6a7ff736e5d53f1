"""Submitting and correcting judgments."""

import math
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import User
from ranking.errors import (
    AlreadyJudgedError,
    AssignmentLostError,
    CorrectedSinceError,
    InvalidJudgmentError,
    KeyReusedError,
    NotYourAssignmentError,
    RoundClosedError,
)
from ranking.models import (
    Assignment,
    ComparisonItem,
    Judgment,
    LapsedAssignment,
    Round,
    Tally,
)
from ranking.questions import Asked, check_answer, read_answer, store_answer

from .assignments import why_not_held
from .fits.control import request_fit
from .overlap import ask_for_more
from .review.flagged import withhold_harmful


@transaction.atomic
def submit_judgment(
    *,
    assignment: Assignment,
    volunteer: User,
    key: uuid.UUID,
    seconds: float | None = None,
    **sent: Any,
) -> Judgment:
    """Store a judgment with its ranks, flags and ratings, and mark the assignment done.

    `sent` is the answer, by the names of the questions; `seconds` is measured from taking the assignment
    unless given. Sent again with the same key and content it answers the stored judgment.

    After the assignment's time ran out the judgment is taken as late: at the assignment while nobody else has
    it, else at another that they hold at the comparison, else at none. Raises InvalidJudgmentError,
    KeyReusedError, RoundClosedError or the reason of `why_not_held`, with nothing stored.
    """
    locked = _lock_assignments(assignment, key)
    row = locked[assignment.pk]
    # The key of an assignment that is held was drawn when it was given: nothing is stored under it yet.
    is_held = row.state == row.State.HELD and row.volunteer_id == volunteer.pk and row.key == key
    stored = None if is_held else Judgment.objects.filter(key=key).first()
    project = assignment.round.project
    earlier = read_answer(stored) if stored else {}
    answer = check_answer(sent, Asked(assignment.order, project, earlier))
    if stored:
        own = (volunteer.pk, assignment.comparison_id, None)
        if (stored.volunteer_id, stored.comparison_id, stored.corrects_id) != own or earlier != answer:
            raise KeyReusedError
        return stored
    shown = row if is_held else _shown_to(volunteer, key, row)
    if not row.round.is_open:
        raise RoundClosedError
    held = [
        one for one in locked.values() if one.volunteer_id == volunteer.pk and one.state == one.State.HELD
    ]
    lapsed = shown if isinstance(shown, LapsedAssignment) else None
    judgment = Judgment(
        comparison_id=assignment.comparison_id,
        assignment=held[0] if held else None,
        lapsed_assignment=lapsed,
        late=lapsed is not None or held[0].is_over,
        volunteer=volunteer,
        seconds=_seconds(seconds, shown),
        key=key,
    )
    store_answer(judgment, answer)
    judgment.make_current()
    for each in held:
        each.finish()
    withhold_harmful(answer["flags"], project)
    day = timezone.localdate(timezone=project.zone)
    added = ask_for_more(held[0], project) if held else 0
    request_fit(project)
    filled = {"gold": 1, "assignments": 0} if row.is_gold else {"assignments": len(held), "added": added}
    Tally.objects.add_one(round_id=assignment.round_id, volunteer=volunteer, day=day, **filled)
    return judgment


@transaction.atomic
def correct_judgment(*, judgment: Judgment, volunteer: User, key: uuid.UUID, **sent: Any) -> Judgment:
    """Put another answer in the place of a volunteer's current judgment; returns the new revision.

    The corrected one is kept, but no longer counts. An answer that says the same leaves things as they
    are. `key` is the correction's own: sent again with the same content it answers the stored revision.

    Raises InvalidJudgmentError, KeyReusedError, NotYourAssignmentError, CorrectedSinceError or
    RoundClosedError, with nothing stored.
    """
    # The lock makes two corrections at once, and one and the closing of the round, wait for each other.
    rounds = Round.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    round_ = rounds.get(comparisons=judgment.comparison_id)
    own = Judgment.objects.asked().of_volunteers().filter(volunteer=volunteer)
    old = own.filter(pk=judgment.pk).first()
    if old is None:  # somebody else's, from the chat, a reviewer's decision, or withdrawn at this moment
        raise NotYourAssignmentError
    items = ComparisonItem.objects.filter(comparison=old.comparison_id)
    order = list(items.values_list("completion_id", flat=True))
    earlier = read_answer(old)
    answer = check_answer(sent, Asked(order, round_.project, earlier))
    # An assignment's key is for the assignment's own judgment, which looks no further while the assignment is
    # held.
    if Assignment.objects.filter(volunteer=volunteer, key=key, state=Assignment.State.HELD).exists():
        raise KeyReusedError
    if stored := Judgment.objects.filter(key=key).first():
        if (stored.volunteer_id, stored.corrects_id) != (volunteer.pk, old.pk):
            raise KeyReusedError
        if read_answer(stored) != answer:
            raise KeyReusedError
        return stored
    if not round_.is_open:
        raise RoundClosedError
    if not old.is_current:
        raise CorrectedSinceError
    if earlier == answer:
        return old
    revision = Judgment(
        comparison_id=old.comparison_id,
        assignment_id=old.assignment_id,
        lapsed_assignment_id=old.lapsed_assignment_id,
        late=old.late,
        volunteer=volunteer,
        seconds=old.seconds,
        key=key,
        corrects=old,
    )
    store_answer(revision, answer)
    old.mark_corrected()
    revision.make_current()
    request_fit(round_.project)
    withhold_harmful(answer["flags"], round_.project)
    return revision


def _lock_assignments(assignment: Assignment, key: uuid.UUID) -> dict[int, Assignment]:
    """The assignment by its id, if it has this key; where it has another by now, all of its comparison.

    The lock makes a double click wait for the first request, whose judgment it then finds. All are locked in
    one order, so that two late judgments of one comparison cannot wait for each other.
    """
    rows = Assignment.objects.select_for_update(of=("self",)).select_related("round")
    locked = {one.pk: one for one in rows.filter(pk=assignment.pk, key=key)}
    if not locked:
        of_comparison = rows.filter(comparison=assignment.comparison_id).order_by("pk")
        locked = {one.pk: one for one in of_comparison}
    if assignment.pk not in locked:  # its project was deleted at this moment
        raise AssignmentLostError
    return locked


def _shown_to(volunteer: User, key: uuid.UUID, assignment: Assignment) -> Assignment | LapsedAssignment:
    """The assignment or lapsed one that this volunteer got under this key and has not judged yet."""
    shown = assignment.shown_to(volunteer, key)
    if shown is None:
        raise why_not_held(assignment, volunteer)
    if volunteer.judgments.filter(comparison=assignment.comparison_id).exists():
        raise AlreadyJudgedError
    return shown


def _seconds(seconds: float | None, assignment: Assignment | LapsedAssignment) -> float:
    if seconds is None:
        return (
            max(0.0, (timezone.now() - assignment.claimed_at).total_seconds())
            if assignment.claimed_at
            else 0.0
        )
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidJudgmentError(_("The time taken is not a number of seconds."))
    return float(seconds)
