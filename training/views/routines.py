"""When a project does a part of the week by itself: answers, a dataset, a report."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from annotator.access import ProjectRequest, project_view
from annotator.models import AuditEvent, Role
from annotator.shown import ChangedMeanwhileError, Shown
from training.facts import routine_facts
from training.forms.times import RoutineForm
from training.models import Routine
from training.services.routines import (
    NO_ROUND,
    NOTHING_NEW,
    PASSED_OVER,
    STILL_OPEN,
    UNDECIDED,
    last_outcome,
    last_saved,
    save_routine,
)
from training.services.schedules import PAUSED, UNDER_WAY

from .times import is_typing, render_next_times, render_times, tabs_of


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
@vary_on_headers("HX-Request")
def routine(request: ProjectRequest, kind: str) -> HttpResponse:
    if is_typing(request):
        return render_next_times(request, RoutineForm(request.GET))
    stored, facts = _stored(request, kind), routine_facts(request.project, kind)
    if request.method != "POST":
        return _render_page(request, stored, RoutineForm.of(stored), facts=facts)
    form = RoutineForm(request.POST)
    if not form.is_valid():
        return _render_page(request, stored, form, status=422, facts=facts)
    try:
        values = {name: form.cleaned_data[name] for name in ("cron", "is_enabled")}
        shown = Shown.on_page(request)
        save_routine(project=request.project, kind=kind, actor=request.user, shown=shown, **values)
    except ChangedMeanwhileError as error:
        return _show_changes(request, form, kind, error)
    messages.success(request, _("The schedule was saved."))
    return redirect(f"schedule-{kind}", request.project.slug)


def _show_changes(
    request: ProjectRequest, sent: RoutineForm, kind: str, error: ChangedMeanwhileError
) -> HttpResponse:
    """The times as they are now, with what the person entered and what others changed meanwhile."""
    stored, facts = _stored(request, kind), routine_facts(request.project, kind)
    form, saved = RoutineForm.of(stored), last_saved(stored)
    changes = form.take_over(sent, dict.fromkeys(form.fields, saved) if saved else {}) or error.changes
    return _render_page(request, stored, form, status=409, facts=facts, changes=changes)


def _stored(request: ProjectRequest, kind: str) -> Routine:
    stored = Routine.objects.filter(project=request.project, kind=kind).first()
    return stored or Routine(project=request.project, kind=kind)


def _render_page(
    request: ProjectRequest, stored: Routine, form: RoutineForm, status: int = 200, **more: object
) -> HttpResponse:
    outcome = last_outcome(stored)
    context = {
        "tabs_of_page": tabs_of(request),
        "routine": stored,
        "saved": last_saved(stored),
        "outcome": outcome,
        "was_passed_over": bool(outcome and outcome.verb == PASSED_OVER),
        "why": _why(outcome) if outcome else "",
        "coordinators": request.project.coordinators,
    }
    return render_times(request, "training/routine.html", form, status=status, **context | more)


def _why(event: AuditEvent) -> str:
    """Why the last time was passed over, in words that stay true; empty for other reasons."""
    words = {
        PAUSED: _("the round was paused."),
        STILL_OPEN: _("something of the open round was still to be ranked."),
        UNDECIDED: _("a candidate waited for a decision."),
        UNDER_WAY: _("an update, or the sampling of answers, was under way."),
        NOTHING_NEW: _("nothing had been judged since the newest dataset."),
        NO_ROUND: _("no round had been opened."),
    }
    return words.get(event.data.get("cause", ""), "")
