"""Contested comparisons: a reviewer judges one blind, and then sees what volunteers said of it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Project
from annotator.views.refusals import tell_refusal
from ranking.errors import InvalidJudgmentError, RankingError
from ranking.forms import JudgmentForm
from ranking.models import Comparison, Judgment
from ranking.models.contested import free_for_decision, judged_by, waiting_for_decision
from ranking.models.judgments import JudgmentQuerySet
from ranking.services.browsing.reading import read_judgments
from ranking.services.review.contested import (
    ask_for_votes,
    decide_comparison,
    place_of,
    take_decision_back,
    why_nobody_is_asked,
)

from .queue import show_review

PAGE, PAGE_SIZE = "review-contested", 20


@require_safe
@never_cache
@project_view(*STAFF)
def contested(request: ProjectRequest) -> HttpResponse:
    """The one where a decision changes most, or the next one after that; or those that were decided."""
    if request.GET.get("show") == "all":
        decided = _decisions(request.project).select_related("comparison__prompt", "volunteer")
        page = Paginator(decided.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
        return show_review(request, "ranking/review/decided.html", {"page": page}, page=PAGE)
    waiting = waiting_for_decision(request.project)
    own = list(waiting.exclude(judged_by(request.user)).values_list("pk", flat=True))
    if not own:
        context = {"left_to_others": waiting.count()}
        return show_review(request, "ranking/review/contested.html", context, page=PAGE)
    next_of = {str(pk): following for pk, following in zip(own, [*own[1:], own[0]], strict=True)}
    wanted = next_of.get(request.GET.get("after", ""), own[0])
    return _ask(request, _of_project(request.project).get(pk=wanted), is_last=len(own) == 1)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*STAFF)
def comparison(request: ProjectRequest, pk: int) -> HttpResponse:
    """One comparison: the form while nobody has decided, and then what everybody said."""
    if request.method == "POST":
        return _decide(request, get_object_or_404(_of_project(request.project), pk=pk))
    if decision := _decisions(request.project).filter(comparison=pk).first():
        return _show_decided(request, decision)
    free = free_for_decision(request.project).exclude(judged_by(request.user))
    return _ask(request, get_object_or_404(_of_project(request.project), pk__in=free.filter(pk=pk)))


@require_POST
@project_view(*STAFF)
def take_back(request: ProjectRequest, pk: int) -> HttpResponse:
    given = Judgment.objects.filter(by_reviewer=True, comparison__round__project=request.project)
    judgment = get_object_or_404(given.select_related("comparison"), pk=pk)
    take_decision_back(judgment=judgment, actor=request.user)
    messages.success(request, _("Taken back: it no longer counts."))
    free = free_for_decision(request.project).filter(pk=judgment.comparison_id)
    return _go_to(request, judgment.comparison_id if free.exclude(judged_by(request.user)).exists() else None)


@require_POST
@project_view(*STAFF)
def more_votes(request: ProjectRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_of_project(request.project), pk=pk)
    with tell_refusal(request):
        ask_for_votes(comparison=found, actor=request.user)
        messages.success(
            request, _("One more volunteer will judge it. If they settle nothing, it comes back.")
        )
    return redirect(PAGE, request.project.slug)


def _of_project(project: Project) -> QuerySet[Comparison]:
    of_project = Comparison.objects.filter(round__project=project, source=Comparison.Source.DESK)
    return of_project.select_related("round__project", "prompt")


def _decisions(project: Project) -> JudgmentQuerySet:
    return Judgment.objects.of_project(project).decisions()


def _decide(request: ProjectRequest, found: Comparison) -> HttpResponse:
    form = JudgmentForm(request.POST, assignment=place_of(request.user, found))
    if not form.is_valid():
        return _ask(request, found, form)
    key, seconds = form.cleaned_data["key"], form.cleaned_data["seconds"]
    try:
        decide_comparison(comparison=found, reviewer=request.user, key=key, seconds=seconds, **form.answer())
    except InvalidJudgmentError as error:
        form.add_error(None, str(error))
        return _ask(request, found, form)
    except RankingError as error:
        messages.warning(request, str(error))
        is_decided = _decisions(request.project).filter(comparison=found).exists()
        return _go_to(request, found.pk if is_decided else None)
    messages.success(request, _("Decided: the next dataset has it. This is what volunteers said."))
    return _go_to(request, found.pk)


def _go_to(request: ProjectRequest, pk: int | None) -> HttpResponse:
    slug = request.project.slug
    return redirect("decide-comparison", slug, pk) if pk is not None else redirect(PAGE, slug)


def _ask(
    request: ProjectRequest, found: Comparison, form: JudgmentForm | None = None, *, is_last: bool = False
) -> HttpResponse:
    """The form of the desk; nothing on this page tells how anybody voted."""
    context: dict[str, Any] = {
        "contested": found,
        "form": form or JudgmentForm(assignment=place_of(request.user, found)),
        "why_nobody_is_asked": why_nobody_is_asked(found),
        "is_last": is_last,
    }
    status = 422 if form else 200
    return show_review(request, "ranking/review/contested.html", context, page=PAGE, status=status)


def _show_decided(request: ProjectRequest, decision: Judgment) -> HttpResponse:
    """What was decided and what volunteers said, with the letters of who decided."""
    others = Judgment.objects.of_volunteers().filter(comparison=decision.comparison_id, is_current=True)
    ids = list(others.values_list("pk", flat=True))
    lines = read_judgments([decision.pk, *ids], order=decision.shown_assignment.order)
    context = {
        "decision": next(line for line in lines if line.judgment.pk == decision.pk),
        "votes": [line for line in lines[::-1] if line.judgment.pk != decision.pk],
        "is_own": decision.volunteer_id == request.user.pk,
    }
    return show_review(request, "ranking/review/comparison.html", context, page=PAGE)
