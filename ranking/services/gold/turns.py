"""Whose turn it is for a gold question: one comparison in so many, by a number that nobody can foretell."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.crypto import salted_hmac

from annotator.models import Completion, User
from ranking.models import (
    GOLD,
    AnswerReview,
    Assignment,
    Comparison,
    ComparisonItem,
    Judgment,
    LapsedAssignment,
    Round,
    Skip,
)

PLACES_TRIED = 8


def with_gold(
    candidates: list[Assignment], current: Round, volunteer: User, wanted: int, now: datetime
) -> list[Assignment]:
    """The candidates for the volunteer's next so many comparisons, with a gold question wherever it is due.

    A round that asks none, and simulated volunteers, cost no query.
    """
    every = current.project.gold_every
    if not (current.gold_count and every and candidates and wanted) or volunteer.is_simulated:
        return candidates
    before = _given(current, volunteer)
    due = [n for n in range(wanted) if is_due(current.pk, volunteer.pk, before + n, every)]
    spare = _spare(current, volunteer, len(due), now) if due else []
    mixed = list(candidates)
    for place, gold in zip(due, spare, strict=False):
        mixed.insert(place, gold)
    return mixed


def is_due(round_id: int, volunteer_id: int, position: int, every: int) -> bool:
    """Whether a volunteer's comparison at this position of a round, from 0 on, is a gold question.

    By a hash with the site's secret: repeated, it is the same, and nobody can tell beforehand.
    """
    return _draw("turn", round_id, volunteer_id, position) % every == 0


def _draw(*about: object) -> int:
    return int.from_bytes(salted_hmac("gold", ".".join(map(str, about)), algorithm="sha256").digest()[:8])


def _given(current: Round, volunteer: User) -> int:
    """How many comparisons of a round the volunteer has been given, skipped ones among them."""
    held = current.assignments.filter(volunteer=volunteer).count()
    return held + Skip.objects.filter(volunteer=volunteer, comparison__round=current).count()


def _spare(current: Round, volunteer: User, wanted: int, now: datetime) -> list[Assignment]:
    """A place at each of so many gold questions that the volunteer may be asked, in an order of their own.

    Nobody is asked twice, in whatever round, and nobody about an answer that they were shown before.
    """
    free = Q(state=Assignment.State.FREE) | Q(state=Assignment.State.HELD, held_until__lte=now)
    places = current.assignments.filter(free, number__gte=GOLD, language__in=current.languages_for(volunteer))
    items = ComparisonItem.objects.filter(comparison=OuterRef("pk"))
    copies = current.comparisons.filter(
        ~Exists(items.filter(completion__in=_shown_to(current, volunteer))),
        ~Exists(items.filter(completion__in=_off_the_desk())),
        Exists(places.filter(comparison=OuterRef("pk"))),
        gold__is_in_use=True,
    )
    asked = sorted(copies.values_list("pk", flat=True), key=lambda pk: _draw("which", volunteer.pk, pk))
    found = [places.filter(comparison=pk).order_by("number")[:PLACES_TRIED] for pk in asked[:wanted]]
    # Of several, so that people who come at once rarely want the same one.
    return [min(few, key=lambda one: _draw("where", volunteer.pk, one.pk)) for few in found if few]


def _shown_to(current: Round, volunteer: User) -> QuerySet[Completion]:
    """The answers of gold questions of this round that the volunteer has seen somewhere."""
    theirs = {"comparison": OuterRef("comparison"), "volunteer": volunteer}
    met = ComparisonItem.objects.filter(
        Exists(Assignment.objects.filter(**theirs))
        | Exists(LapsedAssignment.objects.filter(**theirs))
        | Exists(Judgment.objects.filter(**theirs))
        | Exists(Skip.objects.filter(**theirs)),
        completion=OuterRef("pk"),
    )
    copies = current.comparisons.filter(source=Comparison.Source.GOLD)
    return Completion.objects.filter(Exists(met), comparisons__in=copies)


def _off_the_desk() -> QuerySet[Completion]:
    """Answers that were withheld or withdrawn."""
    withheld = Q(decision=AnswerReview.Decision.OPEN, withheld_at__isnull=False)
    withdrawn = Q(decision=AnswerReview.Decision.WITHDRAWN)
    off = AnswerReview.objects.filter(withheld | withdrawn)
    return Completion.objects.filter(pk__in=off.values("completion"))
