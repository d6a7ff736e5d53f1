"""Seats at comparisons: taking one, keeping it, giving it back."""

import random
import uuid
from collections.abc import Collection
from copy import copy
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.models import Completion, Project, Prompt, User
from ranking.errors import SeatLostError
from ranking.models import PLACES, Assignment, Comparison, LapsedSeat, Mask, Round, Skip

# What is shown of a comparison, asked with every seat; written by the ORM it takes three times as long.
_PROMPT = """SELECT p.* FROM annotator_prompt p
JOIN ranking_comparison c ON c.prompt_id = p.id WHERE c.id = %s"""
_COMPLETIONS = """SELECT c.* FROM annotator_completion c
JOIN ranking_comparisonitem i ON i.completion_id = c.id WHERE i.comparison_id = %s ORDER BY i.id"""
_MASKS = """SELECT m.* FROM ranking_mask m
JOIN ranking_comparisonitem i ON i.completion_id = m.completion_id WHERE i.comparison_id = %s"""

CANDIDATES = 4
"""How many seats a claim looks at: enough that volunteers who come at once rarely want the same one."""

TURNS = 100
"""How often a claim looks again when others were quicker, of whom each look lets one go on."""


def claim_next(
    *,
    project: Project,
    volunteer: User,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> Assignment | None:
    """The seat that the volunteer has held longest, or a new one; None when nothing is left for them.

    `chance` makes a simulation repeatable.
    """
    current = project.rounds.open().first()
    if current is None:
        return None
    seats = claim_ahead(current=current, volunteer=volunteer, wanted=1, now=now, chance=chance)
    return seats[0] if seats else None


def claim_ahead(
    *,
    current: Round,
    volunteer: User,
    have: Collection[uuid.UUID] = (),
    wanted: int = PLACES,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> list[Assignment]:
    """Up to `wanted` seats of an open round: the volunteer's own, the longest held first, and then new ones.

    Seats whose keys are in `have` count among them, but are not returned: the volunteer has them before them.

    First seats go before second ones and so on, so that judgments spread evenly over the round. The
    order of the completions is shuffled for each seat and stored in it, together with a fresh
    idempotency key.
    """
    now, chance = now or timezone.now(), chance or random.Random()
    for _turn in range(TURNS):
        own, others = _within_reach(current, volunteer, now, chance)
        seats = [seat for seat in own[:wanted] if seat.key not in have]
        places = [place for place in range(PLACES) if place not in {seat.place for seat in own}]
        missing = places[: max(wanted - len(own), 0)]
        try:
            if all(_keep(seat, volunteer, now) for seat in seats):
                taken = _take_some(others, missing, volunteer, now, chance)
                if len(taken) == len(missing) or not others:
                    return seats + taken
        except IntegrityError:
            pass  # The same person asked twice at once, and the other request already has that place.
        # Others were quicker, so look again.
    raise RuntimeError(f"Of {TURNS} looks for a free seat none found one that could be taken.")


def renew_seats(*, project: Project, volunteer: User, now: datetime | None = None) -> list[Assignment]:
    """Hold all seats that the volunteer has in the open round for a full term from now; returns them."""
    current = project.rounds.open().first()
    if current is None:
        return []
    now = now or timezone.now()
    held = Assignment.objects.filter(round=current).held_by(volunteer)
    # Conditional, so that whoever took a lapsed seat a moment ago keeps it.
    held.update(held_until=now + timedelta(minutes=project.seat_minutes))
    return list(held)


@transaction.atomic
def skip_comparison(*, assignment: Assignment, volunteer: User) -> None:
    """Free the seat for others and do not offer the comparison to this volunteer again.

    Done again, nothing happens. Raises SeatLostError when the volunteer does not hold the seat.
    """
    freed = Assignment.objects.filter(pk=assignment.pk).held_by(volunteer).free()
    skip = {"comparison_id": assignment.comparison_id, "volunteer": volunteer}
    if freed:
        Skip.objects.create(**skip)
    elif not Skip.objects.filter(**skip).exists():
        raise SeatLostError


def _within_reach(
    current: Round, volunteer: User, now: datetime, chance: random.Random
) -> tuple[list[Assignment], list[Assignment]]:
    """The volunteer's own seats, the longest held first, and the next ones worth trying, best first.

    Seats are numbered within their comparison, so the lowest number comes where the fewest are taken,
    but for seats that were given back. Comparisons were stored in random order, so the first free ones are
    as good as a draw.
    """
    seats = Assignment.objects.within_reach(current=current, user=volunteer, now=now, limit=CANDIDATES)
    own: list[Assignment] = []
    others: list[Assignment] = []
    for seat in seats:
        seat.round = current
        (own if seat.volunteer_id == volunteer.pk else others).append(seat)
    own.sort(key=lambda seat: (seat.claimed_at or now, seat.place))
    others.sort(key=lambda seat: (seat.seat, chance.random()))
    return own, others


def _keep(seat: Assignment, volunteer: User, now: datetime) -> bool:
    """Go on with an own seat, renewed if its time ran out; False when somebody else took it meanwhile."""
    if seat.held_until is not None and seat.held_until <= now:
        # The time away is not time spent on judging.
        seat.held_until, seat.claimed_at = _until(seat, now), now
        own = Assignment.objects.filter(pk=seat.pk).held_by(volunteer)
        if not own.update(held_until=seat.held_until, claimed_at=now):
            return False
    completions = {one.pk: one for one in _completions(seat)}
    seat.shown = [completions[pk] for pk in seat.order]
    return True


def _take_some(
    candidates: list[Assignment], places: list[int], volunteer: User, now: datetime, chance: random.Random
) -> list[Assignment]:
    """Claim a seat for each place, as far as candidates at different comparisons last."""
    taken: list[Assignment] = []
    for seat in candidates:
        if len(taken) == len(places):
            break
        if seat.comparison_id not in {one.comparison_id for one in taken}:
            seat.place = places[len(taken)]
            if _take(seat, volunteer, now, chance):
                taken.append(seat)
    return taken


def _take(seat: Assignment, volunteer: User, now: datetime, chance: random.Random) -> bool:
    """Claim one seat; False when somebody else was quicker, and the caller tries the next."""
    shown = _completions(seat)
    chance.shuffle(shown)
    before = copy(seat)
    seat.state, seat.volunteer = Assignment.State.HELD, volunteer
    seat.held_until, seat.claimed_at = _until(seat, now), now
    seat.key, seat.order = uuid.uuid4(), [completion.pk for completion in shown]
    holder = before.volunteer_id if before.state == Assignment.State.HELD else None
    seat.shown = shown
    if holder is None:
        return seat.take(key=before.key, now=now)
    return _take_from(holder, before, seat, now)


@transaction.atomic
def _take_from(holder: int, before: Assignment, seat: Assignment, now: datetime) -> bool:
    """Claim a seat that was somebody's, and keep what they were shown: they may still send their judgment."""
    # With the key that was read: nobody has taken the seat since, so who held it last is known.
    taken = seat.take(key=before.key, now=now)
    if taken:
        LapsedSeat.objects.create(
            assignment_id=seat.pk,
            comparison_id=seat.comparison_id,
            volunteer_id=holder,
            key=before.key,
            order=before.order,
            claimed_at=before.claimed_at,
        )
    return taken


def _completions(seat: Assignment) -> list[Completion]:
    """The completions of the seat's comparison, each with its mask; the comparison comes with its prompt."""
    (prompt,) = Prompt.objects.raw(_PROMPT, [seat.comparison_id])
    known = (seat.comparison_id, seat.round_id, prompt.pk)
    seat.comparison = Comparison.from_db(seat._state.db, ("id", "round_id", "prompt_id"), known)
    seat.comparison.prompt = prompt
    completions = list(Completion.objects.raw(_COMPLETIONS, [seat.comparison_id]))
    masks = {one.completion_id: one for one in Mask.objects.raw(_MASKS, [seat.comparison_id])}
    for completion in completions:
        # Known to have none, it is not asked for again.
        Completion._meta.get_field("mask").set_cached_value(completion, masks.get(completion.pk))
    return completions


def _until(seat: Assignment, now: datetime) -> datetime:
    return now + timedelta(minutes=seat.round.project.seat_minutes)
