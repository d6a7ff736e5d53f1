"""The project's settings, for coordinators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.forms.project_settings import ProjectForm
from annotator.models import Project, Role
from annotator.services.projects import change_settings


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def project_settings(request: ProjectRequest) -> HttpResponse:
    # The form fills its own copy, so that the page's frame never shows values that were not stored.
    form = ProjectForm(request.POST or None, instance=Project.objects.get(pk=request.project.pk))
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        change_settings(project=request.project, values=values, actor=request.user)
        messages.success(request, _("The settings were saved."))
        return redirect("settings", request.project.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "annotator/settings.html", {"form": form}, status=status)
