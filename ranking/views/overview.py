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
from ranking.models import Round, Tally
from ranking.services import close_round, open_round

from .own import home_of
from .sitting import close_advice

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


@require_POST
@project_view(*MEMBERS)
def leaderboard_name(request: ProjectRequest) -> HttpResponse:
    is_shown = request.POST.get("shown") == "1"
    request.membership.show_name(is_shown)
    words = _("The list shows your given name.") if is_shown else _("Your name is off the list.")
    messages.success(request, words)
    return redirect("project", request.project.slug)


@require_POST
@project_view(*MEMBERS)
def rest_close(request: ProjectRequest) -> HttpResponse:
    return close_advice(request, redirect("project", request.project.slug))


def _show(request: ProjectRequest, form: OpenRoundForm, status: int = 200) -> HttpResponse:
    current = request.project.rounds.open().first()
    context = home_of(request, current)
    if request.role == Role.COORDINATOR:
        context |= _figures(request.project, current) | {"form": form}
    return render(request, "ranking/project.html", context, status=status)


def _figures(project: Project, current: Round | None) -> dict[str, Any]:
    """What only coordinators see; of judgments only what the tallies know, however many there are."""
    tallies = Tally.objects.filter(round__project=project)
    return {
        "prompts": project.prompts.count(),
        "has_completions": Completion.objects.filter(author__project=project).exists(),
        "members": project.memberships.count(),
        "waiting": project.memberships.waiting().count(),
        "judgments": tallies.total(),
        "days": tallies.by_day()[:DAYS],
        "people": tallies.filter(round=current).by_volunteer()[:PEOPLE] if current else [],
        "rounds": project.rounds.select_related("author")[:ROUNDS],
    }
