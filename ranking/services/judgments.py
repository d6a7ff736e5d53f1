"""Taking a volunteer's judgment, and its corrections."""

import math
import uuid
from typing import Unpack

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import User
from ranking.errors import (
    CorrectedSinceError,
    InvalidJudgmentError,
    KeyReusedError,
    NotYourSeatError,
    RoundClosedError,
    SeatLostError,
)
from ranking.models import (
    Assignment,
    ComparisonItem,
    Flag,
    Judgment,
    Preference,
    RankedCompletion,
    Rating,
    Round,
)
from ranking.pairs import preferred_pairs

from .answers import Answer, Said, check_answer


@transaction.atomic
def submit_judgment(
    *,
    assignment: Assignment,
    volunteer: User,
    key: uuid.UUID,
    seconds: float | None = None,
    **said: Unpack[Said],
) -> Judgment:
    """Store a judgment with its ranks, flags, ratings and preferences, and mark the seat done.

    `said` is the answer, see Said; `seconds` is measured from taking the seat unless given. Sent again
    with the same key and content it answers the stored judgment.

    A seat whose time ran out still counts as long as nobody else has taken it. Raises
    InvalidJudgmentError, KeyReusedError, NotYourSeatError, SeatLostError or RoundClosedError, with
    nothing stored.
    """
    # The lock makes a double click wait for the first request, whose judgment it then finds.
    seats = Assignment.objects.select_for_update(of=("self",)).select_related("round__project")
    seat = seats.get(pk=assignment.pk)
    answer = check_answer(said, completions=set(seat.order), criteria=seat.round.project.criteria)
    if stored := Judgment.objects.filter(key=key).first():
        sent = (volunteer.pk, seat.pk, None, answer.hash())
        if (stored.volunteer_id, stored.assignment_id, stored.corrects_id, stored.payload_hash) != sent:
            raise KeyReusedError
        return stored
    _check_seat(seat, volunteer, key)
    judgment = Judgment(
        comparison_id=seat.comparison_id,
        assignment=seat,
        volunteer=volunteer,
        seconds=_seconds(seconds, seat),
        key=key,
    )
    _store(judgment, answer)
    judgment.make_current()
    seat.finish()
    return judgment


@transaction.atomic
def correct_judgment(
    *, judgment: Judgment, volunteer: User, key: uuid.UUID, **said: Unpack[Said]
) -> Judgment:
    """Put another answer in the place of a volunteer's current judgment; returns the new revision.

    The corrected one is kept, but no longer counts. An answer that says the same leaves things as they
    are. `key` is the correction's own: sent again with the same content it answers the stored revision.

    Raises InvalidJudgmentError, KeyReusedError, NotYourSeatError, CorrectedSinceError or RoundClosedError,
    with nothing stored.
    """
    # The lock makes two corrections at once, and one and the closing of the round, wait for each other.
    rounds = Round.objects.select_for_update(of=("self",)).select_related("project")
    round_ = rounds.get(comparisons=judgment.comparison_id)
    old = Judgment.objects.get(pk=judgment.pk)
    if old.volunteer_id != volunteer.pk:
        raise NotYourSeatError
    criteria = {*round_.project.criteria, *old.ratings.values_list("criterion", flat=True)}
    items = ComparisonItem.objects.filter(comparison=old.comparison_id)
    completions = set(items.values_list("completion_id", flat=True))
    answer = check_answer(said, completions=completions, criteria=criteria)
    if stored := Judgment.objects.filter(key=key).first():
        if (stored.volunteer_id, stored.corrects_id, stored.payload_hash) != (
            volunteer.pk,
            old.pk,
            answer.hash(),
        ):
            raise KeyReusedError
        return stored
    if not round_.is_open:
        raise RoundClosedError
    if not old.is_current:
        raise CorrectedSinceError
    if old.payload_hash == answer.hash():
        return old
    revision = Judgment(
        comparison_id=old.comparison_id,
        assignment_id=old.assignment_id,
        volunteer=volunteer,
        seconds=old.seconds,
        key=key,
        corrects=old,
    )
    _store(revision, answer)
    old.give_way()
    revision.make_current()
    return revision


def _seconds(seconds: float | None, seat: Assignment) -> float:
    if seconds is None:
        return max(0.0, (timezone.now() - seat.claimed_at).total_seconds()) if seat.claimed_at else 0.0
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidJudgmentError(_("The time taken is not a number of seconds."))
    return float(seconds)


def _check_seat(seat: Assignment, volunteer: User, key: uuid.UUID) -> None:
    if seat.key != key or seat.volunteer_id is None:
        raise SeatLostError
    if seat.volunteer_id != volunteer.pk:
        raise NotYourSeatError
    if not seat.round.is_open:
        raise RoundClosedError


def _store(judgment: Judgment, answer: Answer) -> None:
    """Save a judgment with all its parts; it does not count yet."""
    judgment.verdict, judgment.reason = answer.verdict, answer.reason
    judgment.strength, judgment.rationale = answer.strength, answer.rationale
    judgment.payload_hash = answer.hash()
    judgment.save(force_insert=True)
    RankedCompletion.objects.bulk_create(
        RankedCompletion(judgment=judgment, completion_id=completion, rank=rank)
        for completion, rank in answer.ranks
    )
    Flag.objects.bulk_create(
        Flag(judgment=judgment, completion_id=completion, kind=kind) for completion, kind in answer.flags
    )
    Rating.objects.bulk_create(
        Rating(judgment=judgment, completion_id=completion, criterion=criterion, score=score)
        for completion, criterion, score in answer.ratings
    )
    pairs = preferred_pairs(dict(answer.ranks)) if answer.verdict == Judgment.Verdict.RANKED else []
    Preference.objects.bulk_create(
        Preference(
            judgment=judgment,
            comparison_id=judgment.comparison_id,
            chosen_id=chosen,
            rejected_id=rejected,
        )
        for chosen, rejected in pairs
    )
