"""A project's base model: its licence, its card, and how far it is unpacked."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.views.refusals import tell_refusal
from training.services.base_models.cards import describe_base
from training.services.base_models.control import retry_unpacking, unpacked_base_of
from training.views.updates.stages import RunView


@require_safe
@project_view(Role.COORDINATOR)
@vary_on_headers("HX-Request")
def base_model(request: ProjectRequest) -> HttpResponse:
    base = unpacked_base_of(request.project)
    unpacking = RunView.of_base(base) if base else None
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "training/_unpacking.html", {"unpacking": unpacking})
        if unpacking is None or not unpacking.is_active:  # what waited for it can begin
            response["HX-Refresh"] = "true"
        return response
    context = {"unpacking": unpacking, "base": base, "description": describe_base(request.project.base_model)}
    return render(request, "training/base_model.html", context)


@require_POST
@project_view(Role.COORDINATOR)
def base_model_retry(request: ProjectRequest) -> HttpResponse:
    with tell_refusal(request):
        retry_unpacking(project=request.project, actor=request.user)
        messages.success(request, _("The base model is unpacked again as soon as a worker is free."))
    return redirect("training", request.project.slug)
