"""Whether the live version answers, whom, and how a program asks it."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import ChangedMeanwhileError, Shown
from training.facts import serving_facts
from training.forms.schedule import ServingForm
from training.services.serving.settings import last_saved, save_serving
from training.services.serving.state import state_of


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def serving(request: ProjectRequest) -> HttpResponse:
    if request.method != "POST":
        return _render(request, _fresh(request))
    form = ServingForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=422)
    try:
        shown = Shown.on_page(request)
        save_serving(project=request.project, actor=request.user, shown=shown, **form.cleaned_data)
    except ChangedMeanwhileError as error:
        fresh, saved = _fresh(request), last_saved(request.project)
        changes = fresh.take_over(form, dict.fromkeys(form.fields, saved) if saved else {}) or error.changes
        return _render(request, fresh, status=409, changes=changes)
    messages.success(request, _("Saved: it counts from the next question on."))
    return redirect("serving", request.project.slug)


def _fresh(request: ProjectRequest) -> ServingForm:
    stored = state_of(request.project).settings
    initial = {"audience": stored.audience, "max_answer_tokens": stored.max_answer_tokens}
    return ServingForm(initial=initial)


def _render(request: ProjectRequest, form: ServingForm, status: int = 200, **more: object) -> HttpResponse:
    context = {
        "form": form,
        "facts": serving_facts(request.project),
        "answering": state_of(request.project),
        "saved": last_saved(request.project),
        "coordinators": request.project.coordinators,
        "address": f"{settings.SITE_URL}/v1",
        "talk_address": f"{settings.SITE_URL}{reverse('talk', args=[request.project.slug])}",
    }
    return render(request, "training/serving.html", context | more, status=status)
