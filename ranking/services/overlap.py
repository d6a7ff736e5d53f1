"""How many people judge a comparison."""

from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from annotator.models import Project
from annotator.models.personal_settings import primary_language
from ranking.errors import RankingError, RoundClosedError
from ranking.models import Assignment, Comparison, Judgment, Reliability, Round
from ranking.models.collected import ranks_in
from ranking.statistics.overlap import is_enough, settled_shares


@transaction.atomic
def add_assignment(*, comparison: Comparison) -> Assignment:
    """Have one more person judge a comparison of an open round, after all that waits already.

    Part of the act that asks for it, whose transaction and audit row it shares. Raises RoundClosedError, or
    RankingError for a comparison from the chat, which nobody else is given, or of a gold question.
    """
    Project.objects.select_for_update(no_key=True).get(pk=comparison.round.project_id)
    if comparison.source == Comparison.Source.CHAT:
        raise RankingError(_("A comparison from the chat is given to nobody else."))
    if comparison.source == Comparison.Source.GOLD:
        raise RankingError(_("The right answer of a gold question is known: it needs no more votes."))
    # Counted first, so that a round that closes at this moment closes before or after.
    counted = Round.objects.open().filter(pk=comparison.round_id)
    if not counted.update(assignment_count=F("assignment_count") + 1):
        raise RoundClosedError
    return store_next(lock_comparison(comparison.pk))


def ask_for_more(assignment: Assignment, project: Project) -> int:
    """Add an assignment to a comparison if its votes settle little, none waits, and the project allows more.

    `assignment` is the one that was just done. Returns how many were added, 1 or 0: the act that stores the
    judgment counts it in the volunteer's tally, because all would fight over one row of the round.
    """
    most = project.most_judgments_per_comparison
    # A blind test has as many votes as it needs, and a gold question needs none.
    if most is None or assignment.number < 0 or assignment.is_gold:
        return 0
    # Of judgments that are stored at once, the last one sees all, and asks.
    comparison = lock_comparison(assignment.comparison_id)
    states = list(comparison.assignments.of_volunteers().values_list("state", flat=True))
    if len(states) >= most or set(states) != {Assignment.State.DONE}:
        return 0
    given = Judgment.objects.filter(comparison=comparison, is_current=True)
    # A vote that says no more than a coin settles nothing.
    coins = Reliability.objects.filter(project=project).doubted().values("volunteer")
    told = given.of_volunteers().without_excluded().exclude(volunteer__in=coins)
    shares = settled_shares(*ranks_in(told))
    if is_enough(shares.get(comparison.pk, 0.0)):
        return 0
    store_next(comparison)
    return 1


def lock_comparison(comparison_id: int) -> Comparison:
    """Lock it as what stores assignments does, so that each gets a number of its own."""
    locked = Comparison.objects.select_for_update(of=("self",), no_key=True)
    return locked.select_related("prompt").get(pk=comparison_id)


def store_next(comparison: Comparison, **fields: Any) -> Assignment:
    """Store a further assignment of a comparison, which is locked: of two, one has the number after."""
    last = comparison.assignments.ordinary().aggregate(last=Max("number", default=-1))["last"]
    return Assignment.objects.create(
        round_id=comparison.round_id,
        comparison=comparison,
        number=max(last, -1) + 1,
        language=primary_language(comparison.prompt.language),
        **fields,
    )
