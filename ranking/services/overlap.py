"""How many people judge a comparison."""

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from annotator.models import Project
from annotator.models.personal_settings import primary_language
from ranking.errors import RankingError, RoundClosedError
from ranking.models import Assignment, Comparison, Round


@transaction.atomic
def add_assignment(*, comparison: Comparison) -> Assignment:
    """Have one more person judge a comparison of an open round, after all that waits already.

    Part of the act that asks for it, whose transaction and audit row it shares. Raises RoundClosedError, or
    RankingError for a comparison from the chat, which nobody else is given.
    """
    Project.objects.select_for_update(no_key=True).get(pk=comparison.round.project_id)
    if comparison.source == Comparison.Source.CHAT:
        raise RankingError(_("A comparison from the chat is given to nobody else."))
    # Counted first, so that a round that closes at this moment closes before or after.
    counted = Round.objects.open().filter(pk=comparison.round_id)
    if not counted.update(assignment_count=F("assignment_count") + 1):
        raise RoundClosedError
    return next_assignment(comparison)


def next_assignment(comparison: Comparison) -> Assignment:
    """Store a further assignment of a comparison; the caller counts it."""
    # Of two that are added at once, the second has the number after.
    Comparison.objects.select_for_update(no_key=True).get(pk=comparison.pk)
    last = comparison.assignments.aggregate(last=Max("number", default=-1))["last"]
    return Assignment.objects.create(
        round_id=comparison.round_id,
        comparison=comparison,
        number=max(last, -1) + 1,
        language=primary_language(comparison.prompt.language),
    )
