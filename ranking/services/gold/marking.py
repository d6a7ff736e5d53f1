"""Marking comparisons as gold questions, and taking them out."""

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Project, User
from annotator.services.audit import record
from ranking.errors import RankingError
from ranking.models import Assignment, Comparison, ComparisonItem, GoldAnswer, GoldQuestion
from ranking.questions import Asked, check_answer
from ranking.services.fits.control import request_fit

from .mixing import is_marked, remove_free


@transaction.atomic
def mark_gold(
    *, comparison: Comparison, ranks: Mapping[int, int], actor: User, why: str = ""
) -> GoldQuestion:
    """Ask the comparison again from the next round on, as one whose right ranks, by completion, are known.

    Raises InvalidJudgmentError for ranks that nobody could have given, or RankingError where the comparison
    was not given at the desk, its prompt is withdrawn, all ranks are equal, or it is marked already.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=comparison.round.project_id)
    if comparison.source != Comparison.Source.DESK:
        raise RankingError(_("Only a comparison that volunteers were given can be a gold question."))
    if comparison.prompt.withdrawn_at is not None:
        raise RankingError(_("The prompt of this comparison is withdrawn."))
    items = ComparisonItem.objects.filter(comparison=comparison)
    order = list(items.order_by("completion").values_list("completion_id", flat=True))
    given = check_answer({"ranks": ranks}, Asked(order, project))["ranks"]
    if len({rank for _completion, rank in given}) < 2:
        raise RankingError(_("Give at least two answers different ranks: equal ones tell nothing of people."))
    if is_marked(project, order):
        raise RankingError(_("These answers are a gold question already."))
    question = GoldQuestion.objects.create(project=project, prompt=comparison.prompt, why=why)
    GoldAnswer.objects.bulk_create(
        GoldAnswer(question=question, completion_id=completion, rank=rank) for completion, rank in given
    )
    record("gold.marked", actor=actor, project=project, target=question)
    return question


@transaction.atomic
def take_out_gold(*, question: GoldQuestion, actor: User) -> bool:
    """Ask it nobody any more, and let what people answered say nothing of them; False if it was out already.

    Who has it before them may still judge it: nobody is told which ones are known.
    """
    if not GoldQuestion.objects.in_use().filter(pk=question.pk).update(is_in_use=False):
        return False
    remove_free(Assignment.objects.filter(comparison__gold=question))
    request_fit(question.project)
    record("gold.taken_out", actor=actor, project=question.project, target=question)
    return True
