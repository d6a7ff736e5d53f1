"""One update: what it does now, what came of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from training.facts import update_facts
from training.launching.progress import log_tail
from training.models import TrainingRun, Update
from training.services.updates.control import request_cancel, retry_update, start_update
from training.views.plans import plan_of
from training.views.results import result_context
from training.views.updates.comparing import others_of
from training.views.updates.curves import Points, curve_of, points_of
from training.views.updates.diagnoses import findings_of
from training.views.updates.samples import last_sampled, samples_of
from training.views.updates.stages import WAITING, stages_of

CURVE_POINTS = 400
TABLE_ROWS = 15


@require_POST
@project_view(Role.COORDINATOR)
def update_start(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        shown = Shown.on_page(request)
        update = start_update(project=request.project, actor=request.user, shown=shown)
        return redirect("update", request.project.slug, update.number)
    return redirect("training", request.project.slug)


@require_safe
@project_view(Role.COORDINATOR)
@vary_on_headers("HX-Request")
def update_detail(request: ProjectRequest, number: int) -> HttpResponse:
    updates = request.project.updates.select_related("parent", "dataset", "candidate", "started_by")
    update = get_object_or_404(updates, number=number)
    is_poll = bool(request.htmx) and not request.htmx.history_restore_request
    context = _live_context(update) | {"is_poll": is_poll, "coordinators": request.project.coordinators}
    context |= {"plan": plan_of(update), "others": others_of(update)}
    # A poll says which words the page shows, so that a screen reader hears them only when they change.
    context["is_news"] = request.GET.get("seen") != context["status_key"]
    # As for words: answers that somebody is reading stay where they are.
    if not is_poll or request.GET.get("sampled") != context["sampled"]:
        context["samples"] = samples_of(update)
    if update.candidate is not None:
        context |= result_context(update.candidate, update)
    return render(request, "training/_update.html" if is_poll else "training/update.html", context)


@require_safe
@project_view(Role.COORDINATOR)
def update_curves(request: ProjectRequest, number: int) -> HttpResponse:
    """Each curve as {steps, values}, thinned to what a chart can show."""
    update = get_object_or_404(request.project.updates, number=number)
    return JsonResponse({name: _series(points) for name, points in points_of(update).items()})


@require_POST
@project_view(Role.COORDINATOR)
def update_cancel(request: ProjectRequest, number: int) -> HttpResponse:
    update = get_object_or_404(request.project.updates, number=number)
    with tell_refusal(request):
        request_cancel(update=update, actor=request.user)
        if update.is_active:
            messages.success(request, _("The update stops as soon as its progress is saved."))
        else:
            messages.success(request, _("The update was cancelled before it began."))
    return redirect("update", request.project.slug, number)


@require_POST
@project_view(Role.COORDINATOR)
def update_retry(request: ProjectRequest, number: int) -> HttpResponse:
    update = get_object_or_404(request.project.updates.select_related("dataset"), number=number)
    with tell_refusal(request):
        retry_update(update=update, actor=request.user, shown=Shown.on_page(request))
        messages.success(request, _("The update resumes where it stopped."))
    return redirect("update", request.project.slug, number)


def _live_context(update: Update) -> dict[str, Any]:
    """What changes while an update runs."""
    stages = stages_of(update)
    begun = [stage for stage in stages if stage.state not in (Update.State.SUCCEEDED, WAITING)]
    current = begun[0] if begun else None
    newest = update.runs.last()
    rows = curve_of(update, TrainingRun.Stage.PPO)
    return {
        "update": update,
        "update_facts": update_facts(update),
        "stages": stages,
        "current": current,
        "status_key": f"{update.state}-{current.name if current else ''}",
        "findings": findings_of(update),
        "sampled": last_sampled(update),
        "log": log_tail(newest.folder) if newest else "",
        "rows": rows[-TABLE_ROWS:],
        "steps_done": len(rows),
    }


def _series(points: Points) -> dict[str, list[float]]:
    points = points[:: max(1, -(-len(points) // CURVE_POINTS))]
    return {"steps": [step for step, _value in points], "values": [value for _step, value in points]}
