"""Taking a volunteer's judgment."""

import hashlib
import json
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import User
from annotator.text import UNSTORABLE
from ranking.errors import (
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
)
from ranking.pairs import dense_ranks, preferred_pairs

RATIONALE_LIMIT = 5000
SCORES = range(1, 6)


@dataclass(frozen=True)
class Answer:
    """What a volunteer said, in the one form in which equal answers are equal."""

    ranks: list[tuple[int, int]]
    strength: int | None
    verdict: str
    reason: str
    flags: list[tuple[int, str]]
    ratings: list[tuple[int, str, int]]
    rationale: str

    def hash(self) -> str:
        """SHA-256 in hex, by which an answer sent twice is known."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@transaction.atomic
def submit_judgment(
    *,
    assignment: Assignment,
    volunteer: User,
    key: uuid.UUID,
    ranks: Mapping[int, int],
    verdict: str = Judgment.Verdict.RANKED,
    strength: int | None = None,
    reason: str = "",
    flags: Mapping[int, Iterable[str]] | None = None,
    ratings: Mapping[int, Mapping[str, int]] | None = None,
    rationale: str = "",
    seconds: float | None = None,
) -> Judgment:
    """Store a judgment with its ranks, flags and preferences, and mark the seat done.

    `ranks` gives each completion of the comparison a rank from 1 (best) to k, ties allowed. Two other
    verdicts finish the seat as well and prefer nothing: all bad, whose ranks may be empty, and cannot
    rank, which has none but a `reason`. `strength` says of two completions how much better the one is, 1
    or 2 (much). `ratings` gives completions scores from 1 to 5 by criteria of the project, as many or as few
    as people like. `seconds` is measured from taking the seat unless given. Sent again with the same key
    and content it answers the stored judgment.

    A seat whose time ran out still counts as long as nobody else has taken it. Raises
    InvalidJudgmentError, KeyReusedError, NotYourSeatError, SeatLostError or RoundClosedError, with
    nothing stored.
    """
    # The lock makes a double click wait for the first request, whose judgment it then finds.
    seat = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("round__project")
        .get(pk=assignment.pk)
    )
    items = ComparisonItem.objects.filter(comparison=seat.comparison_id)
    completions = set(items.values_list("completion_id", flat=True))
    verdict = _verdict(verdict)
    taken = _ranks(ranks, completions, verdict)
    answer = Answer(
        ranks=taken,
        strength=_strength(strength, taken, verdict),
        verdict=verdict,
        reason=_reason(reason, verdict),
        flags=_flags(flags or {}, completions),
        ratings=_ratings(ratings or {}, completions, seat.round.project.criteria),
        rationale=_rationale(rationale),
    )
    if stored := Judgment.objects.filter(key=key).first():
        sent = (volunteer.pk, seat.pk, answer.hash())
        if (stored.volunteer_id, stored.assignment_id, stored.payload_hash) != sent:
            raise KeyReusedError
        return stored
    _check_seat(seat, volunteer, key)
    judgment = Judgment.objects.create(
        comparison_id=seat.comparison_id,
        assignment=seat,
        volunteer=volunteer,
        verdict=answer.verdict,
        reason=answer.reason,
        strength=answer.strength,
        rationale=answer.rationale,
        seconds=_seconds(seconds, seat),
        key=key,
        payload_hash=answer.hash(),
    )
    _store_parts(judgment, answer)
    seat.finish()
    return judgment


def _verdict(verdict: str) -> str:
    if verdict not in Judgment.Verdict.values:
        raise InvalidJudgmentError(_("There is no such verdict."))
    return str(verdict)


def _reason(reason: str, verdict: str) -> str:
    if verdict != Judgment.Verdict.CANNOT_RANK:
        if reason:
            raise InvalidJudgmentError(_("A reason belongs to a comparison that cannot be ranked."))
        return ""
    if reason not in Judgment.Reason.values:
        raise InvalidJudgmentError(_("Choose a reason why it cannot be ranked."))
    return str(reason)


def _ranks(ranks: Mapping[int, int], completions: set[int], verdict: str) -> list[tuple[int, int]]:
    """(completion, dense rank), sorted."""
    if verdict == Judgment.Verdict.CANNOT_RANK and ranks:
        raise InvalidJudgmentError(_("What cannot be ranked has no ranks."))
    if verdict != Judgment.Verdict.RANKED and not ranks:
        return []
    if missing := len(completions - set(ranks)):
        raise InvalidJudgmentError(_("Give every answer a rank; still without one: %d.") % missing)
    if set(ranks) != completions:
        raise InvalidJudgmentError(_("A rank was given to an answer that is not part of this comparison."))
    for rank in ranks.values():
        if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= len(completions):
            raise InvalidJudgmentError(
                _("Ranks are whole numbers from 1 to %(last)d.") % {"last": len(completions)}
            )
    return sorted(dense_ranks(ranks).items())


def _strength(strength: int | None, ranks: list[tuple[int, int]], verdict: str) -> int | None:
    if strength is None:
        return None
    if strength not in Judgment.Strength.values or isinstance(strength, bool):
        raise InvalidJudgmentError(_("An answer is better by 1 or much better by 2."))
    if verdict != Judgment.Verdict.RANKED or sorted(rank for _completion, rank in ranks) != [1, 2]:
        raise InvalidJudgmentError(
            _("How much better an answer is can be said only of two answers that do not tie.")
        )
    return int(strength)


def _flags(flags: Mapping[int, Iterable[str]], completions: set[int]) -> list[tuple[int, str]]:
    """(completion, kind), sorted, each once."""
    marks = {(completion, kind) for completion, kinds in flags.items() for kind in kinds}
    if not {completion for completion, _kind in marks} <= completions:
        raise InvalidJudgmentError(_("A flag was put on an answer that is not part of this comparison."))
    if not {kind for _completion, kind in marks} <= set(Flag.Kind.values):
        raise InvalidJudgmentError(_("There is no such flag."))
    return sorted(marks)


def _ratings(
    ratings: Mapping[int, Mapping[str, int]], completions: set[int], criteria: list[str]
) -> list[tuple[int, str, int]]:
    """(completion, criterion, score), sorted."""
    given = [(pk, name, score) for pk, scores in ratings.items() for name, score in scores.items()]
    if not {completion for completion, _name, _score in given} <= completions:
        raise InvalidJudgmentError(_("A rating was given to an answer that is not part of this comparison."))
    if not {name for _completion, name, _score in given} <= set(criteria):
        raise InvalidJudgmentError(_("The project does not ask for a rating by that criterion."))
    for _completion, _name, score in given:
        if not isinstance(score, int) or isinstance(score, bool) or score not in SCORES:
            raise InvalidJudgmentError(_("Ratings are whole numbers from 1 to 5."))
    return sorted(given)


def _rationale(text: str) -> str:
    if len(text) > RATIONALE_LIMIT:
        raise InvalidJudgmentError(_("The reason is longer than %d characters.") % RATIONALE_LIMIT)
    if UNSTORABLE.search(text):
        raise InvalidJudgmentError(_("The reason holds characters that cannot be stored."))
    return text.strip()


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


def _store_parts(judgment: Judgment, answer: Answer) -> None:
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
