"""Seats at comparisons: taking one, keeping it, giving it back."""

import random
import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.models import Completion, Project, User
from ranking.errors import SeatLapsedError, SeatLostError
from ranking.models import Assignment, ComparisonItem, LapsedSeat, Round, Skip

CANDIDATES = 8
"""How many seats a claim looks at: enough that volunteers who come at once rarely want the same one."""


def claim_next(
    *,
    project: Project,
    volunteer: User,
    now: datetime | None = None,
    chance: random.Random | None = None,
) -> Assignment | None:
    """The seat the volunteer already holds, or a new one; None when nothing is left for them.

    First seats go before second ones and so on, so that judgments spread evenly over the round. The
    order of the completions is shuffled for each seat and stored in it, together with a fresh
    idempotency key. `chance` makes a simulation repeatable.
    """
    now, chance = now or timezone.now(), chance or random.Random()
    current = project.rounds.open().first()
    if current is None:
        return None
    while candidates := _candidates(current, volunteer, now, chance):
        for seat in candidates:
            try:
                if seat.volunteer_id == volunteer.pk:
                    taken = _keep(seat, volunteer, now)
                else:
                    taken = _take(seat, volunteer, now, chance)
            except IntegrityError:
                # The same person asked twice at once, and the other request already has a seat: look again.
                break
            if taken:
                return seat
    return None


def renew_seat(*, assignment: Assignment, volunteer: User, now: datetime | None = None) -> Assignment:
    """Hold the seat for another full term from now; raises SeatLostError if it is no longer theirs.

    SeatLapsedError, one of those, says that what they send will be taken as late.
    """
    until = _until(assignment, now or timezone.now())
    # Conditional, so that whoever took the lapsed seat a moment ago keeps it and this caller is told.
    if not Assignment.objects.filter(pk=assignment.pk).held_by(volunteer).update(held_until=until):
        lapsed = LapsedSeat.objects.filter(assignment=assignment.pk, volunteer=volunteer)
        raise SeatLapsedError if lapsed.exists() else SeatLostError
    assignment.held_until = until
    return assignment


@transaction.atomic
def skip_comparison(*, assignment: Assignment, volunteer: User) -> None:
    """Free the seat for others and do not offer the comparison to this volunteer again.

    Done again, nothing happens. Raises SeatLostError when the volunteer does not hold the seat.
    """
    freed = (
        Assignment.objects.filter(pk=assignment.pk)
        .held_by(volunteer)
        .update(state=Assignment.State.FREE, volunteer=None, held_until=None, claimed_at=None)
    )
    skip = {"comparison_id": assignment.comparison_id, "volunteer": volunteer}
    if freed:
        Skip.objects.create(**skip)
    elif not Skip.objects.filter(**skip).exists():
        raise SeatLostError


def _candidates(current: Round, volunteer: User, now: datetime, chance: random.Random) -> list[Assignment]:
    """The volunteer's own seat alone, if they hold one; otherwise the next seats worth trying, best first.

    Seats are numbered within their comparison, so the lowest number comes where the fewest are taken,
    but for seats that were given back. Comparisons were stored in random order, so the first free ones are
    as good as a draw.
    """
    seats = Assignment.objects.within_reach(current=current, user=volunteer, now=now, limit=CANDIDATES)
    own = [seat for seat in seats if seat.volunteer_id == volunteer.pk]
    for seat in seats:
        seat.round = current
    return own or sorted(seats, key=lambda seat: (seat.seat, chance.random()))


def _keep(seat: Assignment, volunteer: User, now: datetime) -> bool:
    """Go on with the own seat, renewed if its time ran out; False when somebody else took it meanwhile."""
    if seat.held_until is not None and seat.held_until <= now:
        seat.claimed_at = now  # The time away is not time spent on judging.
        try:
            renew_seat(assignment=seat, volunteer=volunteer, now=now)
        except SeatLostError:
            return False
        seat.save(update_fields=["claimed_at"])
    completions = {one.pk: one for one in _completions(seat)}
    seat.shown = [completions[pk] for pk in seat.order]
    return True


def _take(seat: Assignment, volunteer: User, now: datetime, chance: random.Random) -> bool:
    """Claim one seat; False when somebody else was quicker, and the caller tries the next.

    Of a seat whose time ran out, what its holder was shown is kept: they may still send their judgment.
    """
    shown = _completions(seat)
    chance.shuffle(shown)
    claim = {
        "state": Assignment.State.HELD,
        "volunteer": volunteer,
        "held_until": _until(seat, now),
        "key": uuid.uuid4(),
        "order": [completion.pk for completion in shown],
        "claimed_at": now,
    }
    with transaction.atomic():
        # With the key that was read: nobody has taken the seat since, so who held it last is known.
        taken = Assignment.objects.filter(pk=seat.pk, key=seat.key).claimable(now).update(**claim)
        if taken and seat.state == Assignment.State.HELD and seat.volunteer_id:
            LapsedSeat.objects.create(
                assignment_id=seat.pk,
                comparison_id=seat.comparison_id,
                volunteer_id=seat.volunteer_id,
                key=seat.key,
                order=seat.order,
                claimed_at=seat.claimed_at,
            )
    if taken:
        for field, value in claim.items():
            setattr(seat, field, value)
        seat.shown = shown
    return bool(taken)


def _completions(seat: Assignment) -> list[Completion]:
    """The completions of the seat's comparison, which comes with its prompt in the same query."""
    items = ComparisonItem.objects.filter(comparison=seat.comparison_id).order_by("pk")
    found = list(items.select_related("completion__mask", "comparison__prompt"))
    seat.comparison = found[0].comparison
    return [item.completion for item in found]


def _until(seat: Assignment, now: datetime) -> datetime:
    return now + timedelta(minutes=seat.round.project.seat_minutes)
