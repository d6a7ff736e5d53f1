"""A project at a glance, and its rounds."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.models import Completion, Project, Role
from ranking.errors import RankingError
from ranking.forms import OpenRoundForm
from ranking.models import Judgment, Round, Tally
from ranking.services import close_round, open_round

from .own import agreement_of, outcomes_of

DAYS = 14
PEOPLE = 20
ROUNDS = 20


@require_safe
@project_view(*MEMBERS)
def project(request: ProjectRequest) -> HttpResponse:
    return _show(request, OpenRoundForm(project=request.project))


@require_POST
@project_view(Role.COORDINATOR)
def round_open(request: ProjectRequest) -> HttpResponse:
    form = OpenRoundForm(request.POST, project=request.project)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        opened = open_round(project=request.project, actor=request.user, **form.cleaned_data)
    except RankingError as error:
        form.add_error(None, str(error))
        return _show(request, form, status=422)
    comparisons = opened.comparisons.count()
    messages.success(
        request,
        _("Round %(number)d is open with %(count)d comparisons.")
        % {"number": opened.number, "count": comparisons},
    )
    return redirect("project", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def round_close(request: ProjectRequest) -> HttpResponse:
    closed = close_round(project=request.project, actor=request.user)
    if closed is None:
        messages.warning(request, _("No round was open."))
    else:
        messages.success(
            request, _("Round %(number)d is closed; what was judged is kept.") % {"number": closed.number}
        )
    return redirect("project", request.project.slug)


def _show(request: ProjectRequest, form: OpenRoundForm, status: int = 200) -> HttpResponse:
    current = request.project.rounds.open().first()
    own = Tally.objects.of(request.user, request.project)
    context: dict[str, Any] = {
        "round": current,
        "progress": current.progress(request.user) if current else None,
        "own_today": own.today().total(),
        "own_total": own.total(),
        **outcomes_of(request.project, request.user),
        **agreement_of(request.project, request.user),
    }
    if request.role == Role.COORDINATOR:
        context |= _figures(request.project, current) | {"form": form}
    return render(request, "ranking/project.html", context, status=status)


def _figures(project: Project, current: Round | None) -> dict[str, Any]:
    """What only coordinators see."""
    judgments = Judgment.objects.of_project(project)
    return {
        "prompts": project.prompts.count(),
        "completions": Completion.objects.filter(prompt__project=project).count(),
        "members": project.memberships.count(),
        "judgments": judgments.count(),
        "late": judgments.in_round(current).filter(late=True).count() if current else 0,
        "verdicts": judgments.in_round(current).by_verdict() if current else [],
        "days": judgments.by_day()[:DAYS],
        "people": judgments.in_round(current).by_volunteer()[:PEOPLE] if current else [],
        "rounds": project.rounds.select_related("author")[:ROUNDS],
    }
