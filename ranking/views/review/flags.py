"""Answers that people flagged as harmful or wrong, for reviewers to keep or to take out."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Completion
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from ranking.errors import RankingError
from ranking.facts import answer_facts
from ranking.models import AnswerReview, Judgment
from ranking.models.answer_reviews import REVIEWED, flagged_answers
from ranking.models.masks import shown_text
from ranking.services.review.flagged import decide_answer

from .queue import show_review

PAGE_SIZE = 10
REASONS = 5
DECISIONS = (AnswerReview.Decision.KEPT, AnswerReview.Decision.WITHDRAWN)


@require_safe
@never_cache
@project_view(*STAFF)
def flags(request: ProjectRequest) -> HttpResponse:
    shows_all = request.GET.get("show") == "all"
    found = flagged_answers(request.project, only_open=not shows_all)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "answers": _answers(list(page)), "shows_all": shows_all}
    return show_review(request, "ranking/review/flags.html", context, page="review-flags")


@require_POST
@project_view(*STAFF)
def decide(request: ProjectRequest, pk: int) -> HttpResponse:
    completion = get_object_or_404(flagged_answers(request.project), pk=pk)
    decision = request.POST.get("decision", "")
    with tell_refusal(request):
        if decision not in DECISIONS:
            raise RankingError(_("Choose whether the answer stays."))
        shown = Shown.on_page(request)
        decide_answer(completion=completion, decision=decision, actor=request.user, shown=shown)
        is_out = decision == AnswerReview.Decision.WITHDRAWN
        messages.success(request, _("The answer was taken out.") if is_out else _("The answer stays."))
    return redirect("review-flags", request.project.slug)


def _answers(completions: list[Completion]) -> list[dict[str, Any]]:
    flagging = Judgment.objects.filter(
        is_current=True, flags__completion__in=completions, flags__kind__in=REVIEWED
    ).exclude(rationale="")
    said: dict[int, dict[str, None]] = {}
    for pk, rationale in flagging.values_list("flags__completion", "rationale"):
        said.setdefault(pk, {})[rationale] = None
    reviews = {one.pk: getattr(one, "review", None) or AnswerReview(completion=one) for one in completions}
    return [
        {
            "completion": one,
            "text": shown_text(one),
            "review": reviews[one.pk],
            "facts": answer_facts(reviews[one.pk]),
            "reasons": list(said.get(one.pk, {}))[:REASONS],
        }
        for one in completions
    ]
