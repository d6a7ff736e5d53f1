"""The desk, where volunteers rank: one comparison at a time, blind and in random order.

Forms are posted by the browser, which is sent back to the page, or by the page's script, which asks for JSON:
it sends judgments in the background, and the response brings the comparisons to hold ahead.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from ranking.errors import InvalidJudgmentError, RankingError
from ranking.forms import JudgmentForm
from ranking.models import Assignment, Judgment, Round, Tally
from ranking.services import claim_ahead, claim_next, renew_assignments, skip_comparison, submit_judgment
from ranking.services.assignments import why_not_held
from ranking.services.gold.advice import has_advice

from .rest_reminder import advise_rest, note_judgment

State = dict[str, Any]
"""The round and its progress, for the templates of the desk."""


@require_safe
@never_cache
@project_view(*MEMBERS)
def desk(request: ProjectRequest) -> HttpResponse:
    if request.membership.ready_at is None:
        return redirect("onboarding", request.project.slug)
    assignment = claim_next(project=request.project, volunteer=request.user)
    if assignment is None:
        return _show(request, _state(request, _open_round(request)))
    comparison = _comparison(request, JudgmentForm(assignment=assignment))
    return _show(request, _state(request, assignment.round), comparison, seconds_left=assignment.seconds_left)


@require_safe
@never_cache
@project_view(*MEMBERS)
def ahead(request: ProjectRequest) -> HttpResponse:
    """Comparisons for an open page to hold ahead, so that it can go on offline."""
    _refuse_for_others(request, request.GET.get("volunteer"))
    state, have = _state(request, _open_round(request)), _keys(request.GET.get("have", ""))
    # A service worker may have sent what the page still shows.
    judged = Judgment.objects.filter(volunteer=request.user, key__in=have).values_list("key", flat=True)
    return JsonResponse({"judged": list(judged), **_ahead(request, state, have)})


@require_POST
@project_view(*MEMBERS)
def judgment(request: ProjectRequest, pk: int) -> HttpResponse:
    _refuse_for_others(request, request.POST.get("volunteer"))
    assignment = _assignment_or_404(request, pk)
    shown = assignment.shown_to(request.user, _key_sent(request, assignment))
    if shown is None:
        return _refuse(request, why_not_held(assignment, request.user))
    form = JudgmentForm(request.POST, assignment=shown)
    if not form.is_valid():
        return _ask_again(request, form)
    try:
        stored = submit_judgment(
            assignment=assignment,
            volunteer=request.user,
            key=form.cleaned_data["key"],
            seconds=form.seconds_spent(),
            **form.answer(),
        )
    except InvalidJudgmentError as error:
        form.add_error(None, str(error))
        return _ask_again(request, form)
    except RankingError as error:
        return _refuse(request, error)
    late = _("The time had run out: it counts as late.") if stored.late else ""
    today = Tally.objects.of(request.user, request.project).today().total()
    saved = _("Saved. %(count)d today.") % {"count": today}
    words = " ".join(filter(None, (saved, late, advise_rest(request))))
    return note_judgment(request, _go_on(request, words, assignment.round))


@require_POST
@project_view(*MEMBERS)
def skip(request: ProjectRequest, pk: int) -> HttpResponse:
    _refuse_for_others(request, request.POST.get("volunteer"))
    assignment = _assignment_or_404(request, pk)
    try:
        skip_comparison(assignment=assignment, volunteer=request.user)
    except RankingError as error:
        return _refuse(request, error)
    return _go_on(request, _("Skipped. You will not see that one again."), assignment.round)


@require_POST
@project_view(*MEMBERS)
def renew(request: ProjectRequest) -> HttpResponse:
    """Renew all that the volunteer holds; keys missing from the response have gone to someone else."""
    _refuse_for_others(request, request.POST.get("volunteer"))
    held = renew_assignments(project=request.project, volunteer=request.user)
    return JsonResponse({"held": {str(assignment.key): assignment.seconds_left for assignment in held}})


def _refuse_for_others(request: ProjectRequest, volunteer: str | None) -> None:
    """Refuse a request made from another user's page, on a device that they share."""
    if volunteer is not None and volunteer != str(request.user.pk):
        raise PermissionDenied("Somebody else has signed in here since.")


def _assignment_or_404(request: ProjectRequest, pk: int) -> Assignment:
    assignments = Assignment.objects.select_related("round")
    assignment = get_object_or_404(assignments, pk=pk, round__project=request.project)
    assignment.round.project = request.project
    return assignment


def _key_sent(request: ProjectRequest, assignment: Assignment) -> uuid.UUID:
    """The submitted key; the assignment's own if that is not a UUID, which the form then reports."""
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return assignment.key


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _keys(listed: str) -> list[uuid.UUID]:
    """The UUIDs in a comma-separated list; anything else is ignored."""
    keys = []
    for each in listed[:1000].split(","):
        try:
            keys.append(uuid.UUID(each))
        except ValueError:
            continue
    return keys


def _go_on(request: ProjectRequest, words: str, current: Round) -> HttpResponse:
    """Respond with the next comparison and a message about the last."""
    if _wants_json(request):
        return _answer(request, _state(request, current), have=_have(request), words=words)
    messages.success(request, words)
    return redirect("desk", request.project.slug)


def _refuse(request: ProjectRequest, error: RankingError) -> HttpResponse:
    """Respond with the next comparison and the reason why the last was refused."""
    if _wants_json(request):
        state = _state(request, _open_round(request))
        return _answer(request, state, have=_have(request), words=str(error), status=409)
    messages.warning(request, str(error))
    return redirect("desk", request.project.slug)


def _ask_again(request: ProjectRequest, form: JudgmentForm) -> HttpResponse:
    """The form as it was filled in, with its errors."""
    comparison = _comparison(request, form)
    if _wants_json(request):
        reasons = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return JsonResponse({"words": reasons, "form": comparison}, status=422)
    left = form.assignment.seconds_left if isinstance(form.assignment, Assignment) else None
    return _show(request, _state(request, form.assignment.round), comparison, seconds_left=left, status=422)


def _comparison(request: ProjectRequest, form: JudgmentForm) -> str:
    """The comparison with its form as HTML."""
    # Without the context of a whole page, whose navigation would be made for each.
    context = {
        "form": form,
        "assignment": form.assignment,
        "prompt": form.assignment.comparison.prompt,
        "project": request.project,
        "csrf_token": get_token(request),
    }
    return render_to_string("ranking/_comparison.html", context)


def _have(request: ProjectRequest) -> list[uuid.UUID] | None:
    """The keys that the page holds; None when no script asks for more."""
    return _keys(request.POST["have"]) if "have" in request.POST else None


def _answer(
    request: ProjectRequest, state: State, *, have: list[uuid.UUID] | None, words: str = "", status: int = 200
) -> JsonResponse:
    """The JSON for the page's script: a message, comparisons to hold ahead, the round's progress."""
    answer = {"words": words} | ({} if have is None else _ahead(request, state, have))
    return JsonResponse(answer, status=status)


def _ahead(request: ProjectRequest, state: State, have: list[uuid.UUID]) -> dict[str, Any]:
    """Comparisons to hold ahead; when there are none, the HTML that explains why."""
    is_ready, current = request.membership.ready_at is not None, state["round"]
    if current and not current.is_open:
        # What was sent late is of a round that has closed since; what comes next is not.
        state = _state(request, _open_round(request))
        current = state["round"]
    assignments = (
        claim_ahead(current=current, volunteer=request.user, have=have) if is_ready and current else []
    )
    instead = "ranking/_nothing_left.html" if is_ready else "ranking/_onboarding_first.html"
    return {
        "ahead": [
            {
                "key": str(assignment.key),
                "seconds_left": assignment.seconds_left,
                "html": _comparison(request, JudgmentForm(assignment=assignment)),
            }
            for assignment in assignments
        ],
        "to_read": not is_ready,
        "progress": render_to_string("ranking/_progress.html", state),
        "nothing_left": "" if assignments else render_to_string(instead, state),
    }


def _open_round(request: ProjectRequest) -> Round | None:
    return request.project.rounds.open().first()


def _state(request: ProjectRequest, current: Round | None) -> State:
    """Template context: the round and its progress."""
    return {
        "project": request.project,
        "round": current,
        "progress": Tally.objects.progress(current, request.user).as_seen if current else None,
    }


def _show(
    request: ProjectRequest,
    state: State,
    comparison: str = "",
    *,
    seconds_left: int | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {**state, "comparison": comparison, "seconds_left": seconds_left}
    if state["round"] and state["round"].gold_count and has_advice(request.membership):
        has_practice = request.project.practice_comparisons.in_use().exists()
        context |= {"has_advice": True, "has_practice": has_practice}
    return render(request, "ranking/desk.html", context, status=status)
