"""A project's rounds: how far one has come, and opening, pausing and closing them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import ChangedMeanwhileError, Shown
from annotator.views.refusals import tell_refusal
from ranking.errors import RankingError
from ranking.forms import OpenRoundForm, PauseForm
from ranking.models import Judgment, Tally
from ranking.models.collected import collected_in
from ranking.models.contested import standing_of
from ranking.models.forecast import forecast_of
from ranking.models.reliability import fit_of
from ranking.services import close_round, open_round, pause_round, resume_round

from .project import show_project

WORTH_MORE = 30


@require_safe
@project_view(*STAFF)
def round_progress(request: ProjectRequest, number: int) -> HttpResponse:
    """How far a round has come: counted anew from its judgments."""
    rounds = request.project.rounds.begun().select_related("author", "project")
    current = get_object_or_404(rounds, number=number)
    progress = Tally.objects.progress(current, request.user)
    fit = fit_of(request.project)
    collected = collected_in(Judgment.objects.in_round(current).at_desk(), fit)
    context = {
        "round": current,
        "progress": progress,
        "collected": collected,
        "forecast": forecast_of(current, progress, collected) if current.is_open else None,
        "standing": standing_of(current, fit, most=WORTH_MORE),
        "worth_more_shown": WORTH_MORE,
    }
    return render(request, "ranking/round.html", context)


@require_POST
@project_view(Role.COORDINATOR)
def round_open(request: ProjectRequest) -> HttpResponse:
    form = OpenRoundForm(request.POST, project=request.project)
    if not form.is_valid():
        return show_project(request, form, status=422)
    try:
        shown = Shown.on_page(request)
        opened = open_round(project=request.project, actor=request.user, shown=shown, **form.cleaned_data)
    except ChangedMeanwhileError as error:
        return show_project(request, form, status=409, changes=error.changes)
    except RankingError as error:
        form.add_error(None, str(error))
        return show_project(request, form, status=422)
    comparisons = opened.comparisons.ordinary().count()
    messages.success(
        request,
        _("Round %(number)d is open with %(count)d comparisons.")
        % {"number": opened.number, "count": comparisons},
    )
    return redirect("project", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def round_close(request: ProjectRequest) -> HttpResponse:
    closed = close_round(project=request.project, actor=request.user, shown=Shown.on_page(request))
    if closed is None:
        messages.warning(request, _("No round was open."))
    else:
        messages.success(
            request, _("Round %(number)d is closed; what was judged is kept.") % {"number": closed.number}
        )
    return redirect("project", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def round_pause(request: ProjectRequest) -> HttpResponse:
    form = PauseForm(request.POST)
    with tell_refusal(request):
        if not form.is_valid():
            raise RankingError(form.errors["reason"][0])
        shown = Shown.on_page(request)
        paused = pause_round(project=request.project, actor=request.user, shown=shown, **form.cleaned_data)
        messages.success(request, _("Round %(number)d pauses.") % {"number": paused.number})
    return redirect("project", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def round_resume(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        shown = Shown.on_page(request)
        resumed = resume_round(project=request.project, actor=request.user, shown=shown)
        messages.success(request, _("Round %(number)d goes on.") % {"number": resumed.number})
    return redirect("project", request.project.slug)
