"""A project's update schedule."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import ChangedMeanwhileError, Shown
from training.facts import schedule_facts
from training.forms.schedule import ScheduleForm
from training.models import Schedule
from training.services.schedules import last_saved, save_schedule

from .plans import next_plan
from .recipe_sections import sections_of
from .times import is_typing, render_next_times, render_times, tabs_of


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
@vary_on_headers("HX-Request")
def schedule(request: ProjectRequest) -> HttpResponse:
    if is_typing(request):
        return render_next_times(request, ScheduleForm(request.GET))
    facts = schedule_facts(request.project)
    if request.method != "POST":
        return _render_page(request, _fresh(request), facts=facts)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return _render_page(request, form, status=422, facts=facts)
    try:
        shown = Shown.on_page(request)
        save_schedule(project=request.project, actor=request.user, shown=shown, **form.schedule)
    except ChangedMeanwhileError as error:
        return _show_changes(request, form, error)
    messages.success(request, _("The schedule was saved."))
    return redirect("schedule", request.project.slug)


def _show_changes(request: ProjectRequest, sent: ScheduleForm, error: ChangedMeanwhileError) -> HttpResponse:
    """The schedule as it is now, with what the person entered and what others changed meanwhile."""
    facts, form, saved = schedule_facts(request.project), _fresh(request), last_saved(request.project)
    changes = form.take_over(sent, dict.fromkeys(form.fields, saved) if saved else {}) or error.changes
    return _render_page(request, form, status=409, facts=facts, changes=changes)


def _fresh(request: ProjectRequest) -> ScheduleForm:
    stored = Schedule.objects.filter(project=request.project).first() or Schedule(project=request.project)
    return ScheduleForm.of(stored)


def _render_page(
    request: ProjectRequest, form: ScheduleForm, status: int = 200, **more: object
) -> HttpResponse:
    plan = next_plan(request.project)
    context = {
        "tabs_of_page": tabs_of(request),
        "next_plan": plan,
        "sections": sections_of(form, plan),
        "saved": last_saved(request.project),
        "coordinators": request.project.coordinators,
    }
    return render_times(request, "training/schedule.html", form, status=status, **context | more)
