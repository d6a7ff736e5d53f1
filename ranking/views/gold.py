"""Gold questions: coordinators mark comparisons whose right ranks they know, and see what people answer."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.models import Role
from ranking.errors import RankingError
from ranking.gold_forms import GoldForm
from ranking.models import Judgment, PracticeAdvice
from ranking.models.gold_votes import gold_votes_of
from ranking.services.browsing.reading import read_judgments
from ranking.services.gold.advice import close_advice
from ranking.services.gold.marking import mark_gold, take_out_gold


@require_safe
@never_cache
@project_view(Role.COORDINATOR)
def gold_questions(request: ProjectRequest) -> HttpResponse:
    """Those in use, with how often each was answered and how often rightly."""
    answered = Count("copies__judgments", filter=Q(copies__judgments__is_current=True))
    questions = request.project.gold_questions.in_use().select_related("prompt").annotate(asked=answered)
    counts = gold_votes_of(request.project).by_question()
    context = {
        "questions": [(one, _percent(*counts.get(one.pk, (0.0, 0.0)))) for one in questions.order_by("-pk")],
        "told": PracticeAdvice.objects.filter(membership__project=request.project).count(),
    }
    return render(request, "ranking/gold_questions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(Role.COORDINATOR)
def mark(request: ProjectRequest, pk: int) -> HttpResponse:
    """Mark the comparison of a judgment, whose ranks the form begins with."""
    at_desk = Judgment.objects.at_desk().filter(comparison__round__project=request.project)
    judgment = get_object_or_404(at_desk.select_related("comparison__prompt", "comparison__round"), pk=pk)
    line = read_judgments([judgment.pk])[0]
    form = GoldForm(request.POST if request.method == "POST" else None, line=line)
    if form.is_valid():
        try:
            mark_gold(
                comparison=judgment.comparison,
                ranks=form.ranks(),
                why=form.cleaned_data["why"],
                actor=request.user,
            )
        except RankingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("It is a gold question from the next round on."))
            return redirect("gold-questions", request.project.slug)
    context = {"form": form, "line": line, "answers": _with_fields(form)}
    return render(request, "ranking/gold_mark.html", context, status=422 if form.is_bound else 200)


@require_POST
@project_view(Role.COORDINATOR)
def take_out(request: ProjectRequest, pk: int) -> HttpResponse:
    # Of all, not of those in use: the second of a double click finds it out, which is what was wanted.
    question = get_object_or_404(request.project.gold_questions, pk=pk)
    take_out_gold(question=question, actor=request.user)
    messages.success(request, _("Nobody is asked that gold question any more."))
    return redirect("gold-questions", request.project.slug)


@require_POST
@project_view(*MEMBERS)
def advice_close(request: ProjectRequest) -> HttpResponse:
    close_advice(membership=request.membership)
    return redirect("desk", request.project.slug)


def _percent(right: float, wrong: float) -> int | None:
    """None where nobody preferred one of two answers."""
    return round(100 * right / (right + wrong)) if right or wrong else None


def _with_fields(form: GoldForm) -> list[tuple[Any, Any]]:
    return [(answer, form[f"rank_{answer.letter}"]) for answer in form.line.answers]
