"""Practice: comparisons with known answers, one a page, each followed by what was expected and why."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from ranking.errors import InvalidJudgmentError, NoAttemptLeftError, NothingToPractiseError
from ranking.forms import PracticeForm
from ranking.models import PracticeAssignment
from ranking.questions import LETTERS
from ranking.services.onboarding import Step, onboarding_of
from ranking.services.practice import answer_practice, begin_practice, may_try

from .onboarding import place


@require_safe
@never_cache
@project_view(*MEMBERS)
def practice(request: ProjectRequest) -> HttpResponse:
    """The next comparison of the open attempt, else the result of the last one, else what practice is."""
    if _comes_too_early(request):
        return redirect("onboarding", request.project.slug)
    attempt = request.membership.practice_attempts.first()
    if attempt and (assignment := attempt.next_assignment()):
        return _show(request, PracticeForm(assignment=assignment))
    comparisons = request.project.practice_comparisons.in_use().count()
    length = min(comparisons, request.project.practice_length)
    context = {
        "attempt": attempt,
        "total": attempt.assignments.count() if attempt else 0,
        "length": length,
        "needed": min(length, request.project.practice_pass_mark),
        "may_try": bool(length) and may_try(request.membership),
        **place(request, Step.PRACTICE),
    }
    return render(request, "ranking/practice.html", context)


@require_POST
@project_view(*MEMBERS)
def begin(request: ProjectRequest) -> HttpResponse:
    if _comes_too_early(request):
        return redirect("onboarding", request.project.slug)
    try:
        begin_practice(membership=request.membership)
    except (NoAttemptLeftError, NothingToPractiseError) as error:
        messages.warning(request, str(error))
    return redirect("practice", request.project.slug)


@require_POST
@project_view(*MEMBERS)
def answer(request: ProjectRequest, pk: int) -> HttpResponse:
    assignment = _assignment_or_404(request, pk)
    form = PracticeForm(request.POST, assignment=assignment)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        answer_practice(assignment=assignment, ranks=form.answer()["ranks"])
    except InvalidJudgmentError as error:
        form.add_error(None, str(error))
        return _show(request, form, status=422)
    return redirect("practice-result", request.project.slug, assignment.pk)


@require_safe
@never_cache
@project_view(*MEMBERS)
def result(request: ProjectRequest, pk: int) -> HttpResponse:
    """The ranks that were given to one comparison, beside the right ones and why."""
    assignment = _assignment_or_404(request, pk)
    if assignment.is_right is None:
        return redirect("practice", request.project.slug)
    context = {
        "assignment": assignment,
        "total": assignment.attempt.assignments.count(),
        "answers": _with_ranks(assignment),
        "is_tie": len(set(assignment.comparison.ranks)) == 1,
        "is_last": assignment.attempt.finished_at is not None,
        **place(request, Step.PRACTICE),
    }
    return render(request, "ranking/practice_result.html", context)


def _comes_too_early(request: ProjectRequest) -> bool:
    """Whether consent or guidelines come before practice: nothing is stored without consent."""
    return onboarding_of(request.membership).next in (Step.CONSENT, Step.GUIDELINES)


def _assignment_or_404(request: ProjectRequest, pk: int) -> PracticeAssignment:
    assignments = PracticeAssignment.objects.filter(attempt__membership=request.membership)
    return get_object_or_404(assignments.select_related("comparison__project", "attempt"), pk=pk)


def _with_ranks(assignment: PracticeAssignment) -> list[dict[str, Any]]:
    """The answers, best first, each with its letter, given rank and known rank."""
    right = assignment.comparison.ranks
    answers = [
        {"letter": letter, "text": answer.text, "given": assignment.ranks[n], "right": right[n]}
        for letter, n, answer in zip(LETTERS, assignment.order, assignment.shown, strict=False)
    ]
    return sorted(answers, key=lambda one: int(one["right"]))


def _show(request: ProjectRequest, form: PracticeForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "total": form.assignment.attempt.assignments.count(),
        **place(request, Step.PRACTICE),
    }
    return render(request, "ranking/practice_comparison.html", context, status=status)
