"""The project's settings, for coordinators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.facts import settings_facts
from annotator.forms.project_settings import ProjectForm
from annotator.models import Project, Role
from annotator.services.projects import change_settings, who_changed
from annotator.shown import ChangedMeanwhileError, Shown


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def project_settings(request: ProjectRequest) -> HttpResponse:
    # Before the values: what the page says that it shows is never newer than what it shows.
    facts = settings_facts(request.project)
    # The form fills its own copy, so that the page's frame never shows values that were not stored.
    form = ProjectForm(
        request.POST if request.method == "POST" else None,
        instance=Project.objects.get(pk=request.project.pk),
    )
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        shown = Shown.on_page(request)
        try:
            change_settings(project=request.project, values=values, actor=request.user, shown=shown)
        except ChangedMeanwhileError as error:
            return _show_changes(request, form, error)
        messages.success(request, _("The settings were saved."))
        return redirect("settings", request.project.slug)
    context = {"form": form, "facts": facts}
    return render(
        request, "annotator/settings.html", context, status=422 if request.method == "POST" else 200
    )


def _show_changes(request: ProjectRequest, sent: ProjectForm, error: ChangedMeanwhileError) -> HttpResponse:
    """The settings as they are now, with what the person entered and what others changed meanwhile."""
    facts = settings_facts(request.project)
    form = ProjectForm(instance=Project.objects.get(pk=request.project.pk))
    changes = form.take_over(sent, who_changed(request.project)) or error.changes
    context = {"form": form, "facts": facts, "changes": changes}
    return render(request, "annotator/settings.html", context, status=409)
