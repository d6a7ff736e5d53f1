"""Assignments at comparisons: taking one, keeping it, giving it back."""

import random
import uuid
from collections.abc import Collection
from copy import copy
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.models import Completion, Project, Prompt, User
from ranking.errors import AssignmentLostError
from ranking.models import PLACES, Assignment, Comparison, LapsedAssignment, Mask, Round, Skip

# What is shown of a comparison, asked with every assignment; written by the ORM it takes three times as long.
_PROMPT = """SELECT p.* FROM annotator_prompt p
JOIN ranking_comparison c ON c.prompt_id = p.id WHERE c.id = %s"""
_COMPLETIONS = """SELECT c.* FROM annotator_completion c
JOIN ranking_comparisonitem i ON i.completion_id = c.id WHERE i.comparison_id = %s ORDER BY i.id"""
_MASKS = """SELECT m.* FROM ranking_mask m
JOIN ranking_comparisonitem i ON i.completion_id = m.completion_id WHERE i.comparison_id = %s"""

CANDIDATES = 4
"""How many assignments a claim looks at: enough that volunteers who come at once rarely want the same one."""

TURNS = 100
"""How often a claim looks again when others were quicker, of whom each look lets one go on."""


def claim_next(
    *,
    project: Project,
    volunteer: User,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> Assignment | None:
    """The assignment that the volunteer has held longest, or a new one; None when nothing is left for them.

    `chance` makes a simulation repeatable.
    """
    current = project.rounds.open().first()
    if current is None:
        return None
    assignments = claim_ahead(current=current, volunteer=volunteer, wanted=1, now=now, chance=chance)
    return assignments[0] if assignments else None


def claim_ahead(
    *,
    current: Round,
    volunteer: User,
    have: Collection[uuid.UUID] = (),
    wanted: int = PLACES,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> list[Assignment]:
    """Up to `wanted` assignments of an open round: the volunteer's own, the longest held first, and then new
    ones.

    Assignments whose keys are in `have` count among them, but are not returned: the volunteer has them before
    them.

    First assignments go before second ones and so on, so that judgments spread evenly over the round. The
    order of the completions is shuffled for each assignment and stored in it, together with a fresh
    idempotency key.
    """
    now, chance = now or timezone.now(), chance or random.Random()
    for _turn in range(TURNS):
        own, others = _within_reach(current, volunteer, now, chance)
        assignments = [assignment for assignment in own[:wanted] if assignment.key not in have]
        places = [place for place in range(PLACES) if place not in {assignment.place for assignment in own}]
        missing = places[: max(wanted - len(own), 0)]
        try:
            if all(_keep(assignment, volunteer, now) for assignment in assignments):
                taken = _take_some(others, missing, volunteer, now, chance)
                if len(taken) == len(missing) or not others:
                    return assignments + taken
        except IntegrityError:
            pass  # The same person asked twice at once, and the other request already has that place.
        # Others were quicker, so look again.
    raise RuntimeError(f"Of {TURNS} looks for a free assignment none found one that could be taken.")


def renew_assignments(*, project: Project, volunteer: User, now: datetime | None = None) -> list[Assignment]:
    """Hold all that the volunteer has in the open round for a full term from now; returns them."""
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

    Done again, nothing happens. Raises AssignmentLostError when the volunteer does not hold the assignment.
    """
    freed = Assignment.objects.filter(pk=assignment.pk).held_by(volunteer).free()
    skip = {"comparison_id": assignment.comparison_id, "volunteer": volunteer}
    if freed:
        Skip.objects.create(**skip)
    elif not Skip.objects.filter(**skip).exists():
        raise AssignmentLostError


def _within_reach(
    current: Round, volunteer: User, now: datetime, chance: random.Random
) -> tuple[list[Assignment], list[Assignment]]:
    """The volunteer's own assignments, the longest held first, and the next ones worth trying, best first.

    Assignments are numbered within their comparison, so the lowest number comes where the fewest are taken,
    but for assignments that were given back. Comparisons were stored in random order, so the first free ones
    are as good as a draw.
    """
    assignments = Assignment.objects.within_reach(current=current, user=volunteer, now=now, limit=CANDIDATES)
    own: list[Assignment] = []
    others: list[Assignment] = []
    for assignment in assignments:
        assignment.round = current
        (own if assignment.volunteer_id == volunteer.pk else others).append(assignment)
    own.sort(key=lambda assignment: (assignment.claimed_at or now, assignment.place))
    others.sort(key=lambda assignment: (assignment.number, chance.random()))
    return own, others


def _keep(assignment: Assignment, volunteer: User, now: datetime) -> bool:
    """Go on with an own one, renewed if its time ran out; False when somebody else took it meanwhile."""
    if assignment.held_until is not None and assignment.held_until <= now:
        # The time away is not time spent on judging.
        assignment.held_until, assignment.claimed_at = _until(assignment, now), now
        own = Assignment.objects.filter(pk=assignment.pk).held_by(volunteer)
        if not own.update(held_until=assignment.held_until, claimed_at=now):
            return False
    completions = {one.pk: one for one in _completions(assignment)}
    assignment.shown = [completions[pk] for pk in assignment.order]
    return True


def _take_some(
    candidates: list[Assignment], places: list[int], volunteer: User, now: datetime, chance: random.Random
) -> list[Assignment]:
    """Claim an assignment for each place, as far as candidates at different comparisons last."""
    taken: list[Assignment] = []
    for assignment in candidates:
        if len(taken) == len(places):
            break
        if assignment.comparison_id not in {one.comparison_id for one in taken}:
            assignment.place = places[len(taken)]
            if _take(assignment, volunteer, now, chance):
                taken.append(assignment)
    return taken


def _take(assignment: Assignment, volunteer: User, now: datetime, chance: random.Random) -> bool:
    """Claim one assignment; False when somebody else was quicker, and the caller tries the next."""
    shown = _completions(assignment)
    chance.shuffle(shown)
    before = copy(assignment)
    assignment.state, assignment.volunteer = Assignment.State.HELD, volunteer
    assignment.held_until, assignment.claimed_at = _until(assignment, now), now
    assignment.key, assignment.order = uuid.uuid4(), [completion.pk for completion in shown]
    holder = before.volunteer_id if before.state == Assignment.State.HELD else None
    assignment.shown = shown
    if holder is None:
        return assignment.take(key=before.key, now=now)
    return _take_from(holder, before, assignment, now)


@transaction.atomic
def _take_from(holder: int, before: Assignment, assignment: Assignment, now: datetime) -> bool:
    """Claim an assignment that was somebody's, and keep what they were shown: they may still send their
    judgment.
    """
    # With the key that was read: nobody has taken the assignment since, so who held it last is known.
    taken = assignment.take(key=before.key, now=now)
    if taken:
        LapsedAssignment.objects.create(
            assignment_id=assignment.pk,
            comparison_id=assignment.comparison_id,
            volunteer_id=holder,
            key=before.key,
            order=before.order,
            claimed_at=before.claimed_at,
        )
    return taken


def _completions(assignment: Assignment) -> list[Completion]:
    """The completions of the assignment's comparison, each with its mask; the comparison comes with its
    prompt.
    """
    (prompt,) = Prompt.objects.raw(_PROMPT, [assignment.comparison_id])
    known = (assignment.comparison_id, assignment.round_id, prompt.pk)
    assignment.comparison = Comparison.from_db(assignment._state.db, ("id", "round_id", "prompt_id"), known)
    assignment.comparison.prompt = prompt
    completions = list(Completion.objects.raw(_COMPLETIONS, [assignment.comparison_id]))
    masks = {one.completion_id: one for one in Mask.objects.raw(_MASKS, [assignment.comparison_id])}
    for completion in completions:
        # Known to have none, it is not asked for again.
        Completion._meta.get_field("mask").set_cached_value(completion, masks.get(completion.pk))
    return completions


def _until(assignment: Assignment, now: datetime) -> datetime:
    return now + timedelta(minutes=assignment.round.project.assignment_minutes)
