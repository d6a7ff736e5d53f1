"""The state of a project's learning at a glance, and the acts that need no page of their own."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.access import ProjectRequest, project_view
from annotator.models import AuditEvent, Role
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from ranking.models import Judgment, Tally
from training.facts import live_facts, work_facts
from training.models import ModelVersion, Schedule, TrainingRun
from training.services.base_models.control import unpacked_base_of
from training.services.enough import Missing, Quantity
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.schedules import NOT_ENOUGH, PAUSED, UNDER_WAY, last_saved, passed_over, upcoming
from training.services.serving.state import state_of
from training.services.updates.control import learned_dataset
from training.services.versions.releases import roll_back
from training.services.versions.withdrawn_datasets import withdrawn_datasets
from training.services.week import Step, week_of
from training.views.updates.stages import RunView

from .next_step import can_start, primary_of
from .plans import next_plan
from .results.numbers import numbers_of

RECENT = 20


@require_safe
@project_view(Role.COORDINATOR)
@vary_on_headers("HX-Request")
def training(request: ProjectRequest) -> HttpResponse:
    if request.htmx and not request.htmx.history_restore_request:
        if watched := request.GET.get("learning"):
            return _still_learning(request, watched)
        sampling = _sampling(request)
        response = render(request, "training/_sampling.html", {"sampling": sampling})
        if sampling is None or not sampling.is_active:  # its buttons and rounds change with it
            response["HX-Refresh"] = "true"
        return response
    project = request.project
    # Before what is shown: a page must not say that it shows what came after.
    facts = {"live_facts": live_facts(project), "work_facts": work_facts(project)}
    versions = ModelVersion.objects.filter(project=project).select_related("parent")
    live, base, week = versions.live().first(), unpacked_base_of(project), week_of(project)
    sampling, unpacking = _sampling(request), RunView.of_base(base) if base else None
    skipped = passed_over(project)
    has_prompts = project.prompts.in_use().exists()
    context = {
        "live": live,
        **facts,
        "before": live.before if live else None,
        "answering": state_of(project),
        "numbers": numbers_of(live) if live else [],
        "versions": versions[:RECENT],
        "taken_back": withdrawn_datasets(project),
        "updates": project.updates.select_related("candidate", "started_by")[:RECENT],
        "week": week,
        "learned": learned_dataset(project),
        "ranked": Tally.objects.progress(week.open_round, request.user) if week.open_round else None,
        "primary": primary_of(week, sampling, unpacking, has_prompts=has_prompts),
        "can_start": can_start(sampling, unpacking),
        "steps": Step,
        "judgments": Judgment.objects.of_project(project).count(),
        "sampling": sampling,
        "unpacking": unpacking,
        "too_long": project.prompts.in_use().filter(too_long=True).count(),
        "next_times": upcoming(Schedule.objects.filter(project=project).first(), count=1),
        "next_plan": next_plan(project),
        "passed_over": skipped,
        "why_skipped": _why_skipped(skipped),
        "schedule_saved": last_saved(project),
        "coordinators": project.coordinators,
    }
    return render(request, "training/training.html", context)


@require_POST
@project_view(Role.COORDINATOR)
def sample(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        shown = Shown.on_page(request)
        sample_live_version(project=request.project, actor=request.user, shown=shown)
        messages.success(
            request, _("The live version answers every prompt now; a round opens when it is done.")
        )
    return redirect("training", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def sampling_cancel(request: ProjectRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(request.project.runs.filter(update=None), pk=pk)
    with tell_refusal(request):
        cancel_sampling(run=run, actor=request.user)
        if run.is_active:
            messages.success(request, _("Sampling stops at its next step."))
        else:
            messages.success(request, _("Sampling was cancelled before it began."))
    return redirect("training", request.project.slug)


@require_POST
@project_view(Role.COORDINATOR)
def go_back(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        shown = Shown.on_page(request)
        release = roll_back(project=request.project, actor=request.user, shown=shown)
        messages.success(request, _("%(version)s is live again.") % {"version": release.version})
    return redirect("training", request.project.slug)


def _still_learning(request: ProjectRequest, watched: str) -> HttpResponse:
    """Nothing while the update of that number is under way; then the page is to be loaded anew."""
    active = request.project.updates.active().first()
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    if active is None or str(active.number) != watched:
        response["HX-Refresh"] = "true"
    return response


def _why_skipped(event: AuditEvent | None) -> str:
    """Why a scheduled time started no update, in words that stay true; empty for other reasons."""
    cause = event.data.get("cause") if event else ""
    if event and cause == NOT_ENOUGH:
        missing = [
            Missing(Quantity(row["what"]), row["have"], row["needed"]) for row in event.data["missing"]
        ]
        words = _("there was not enough new data (%(missing)s).")
        return words % {"missing": ", ".join(each.words for each in missing)}
    words_of = {
        UNDER_WAY: _("an update, or the sampling of answers, was under way."),
        PAUSED: _("the round was paused."),
    }
    return words_of.get(cause, "")


def _sampling(request: ProjectRequest) -> RunView | None:
    """The newest sampling run while it is under way, or if it failed."""
    run = request.project.runs.filter(update=None, stage=TrainingRun.Stage.GENERATE).last()
    return RunView.of(run) if run and (run.is_active or run.state == run.State.FAILED) else None
