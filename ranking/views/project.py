"""A project's first page."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, STAFF, ProjectRequest, project_view
from annotator.models import Completion, Project, Role
from annotator.shown import Change
from ranking.facts import round_facts
from ranking.forms import OpenRoundForm
from ranking.models import Round, Tally
from ranking.overview import what_waits

from .project_context import project_context
from .rest_reminder import close_advice

DAYS = 14
PEOPLE = 20
ROUNDS = 20


@require_safe
@project_view(*MEMBERS)
def project(request: ProjectRequest) -> HttpResponse:
    return show_project(request, OpenRoundForm(project=request.project))


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


def show_project(
    request: ProjectRequest, form: OpenRoundForm, status: int = 200, changes: list[Change] | None = None
) -> HttpResponse:
    facts = round_facts(request.project)  # before the round: a page must not say that it shows a newer one
    current = request.project.rounds.open().first()
    context = project_context(request, current)
    if request.role in STAFF:
        context["what_waits"] = what_waits(request.project, request.role)
    if request.role == Role.COORDINATOR:
        context |= _figures(request.project, current) | {"form": form, "facts": facts, "changes": changes}
    return render(request, "ranking/project.html", context, status=status)


def _figures(project: Project, current: Round | None) -> dict[str, Any]:
    """Figures for coordinators, from the tallies only, so that large rounds cost no more."""
    tallies = Tally.objects.filter(round__project=project)
    return {
        "prompts": project.prompts.count(),
        "has_completions": Completion.objects.filter(author__project=project).exists(),
        "members": project.memberships.count(),
        "waiting": project.memberships.waiting().count(),
        "judgments": tallies.ordinary_total(),
        "days": tallies.by_day()[:DAYS],
        "people": tallies.filter(round=current).by_volunteer()[:PEOPLE] if current else [],
        "rounds": project.rounds.begun().select_related("author")[:ROUNDS],
    }
