"""The project's settings, for coordinators: a page for each section."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.facts import settings_facts
from annotator.forms.project_settings import ProjectForm
from annotator.models import Project, Role
from annotator.services.projects import change_settings, who_changed
from annotator.settings_sections import FIRST, SECTIONS, Section
from annotator.shown import ChangedMeanwhileError, Shown


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def project_settings(request: ProjectRequest, section: str = FIRST) -> HttpResponse:
    current, project = SECTIONS[section], request.project
    # Before the values: what the page says that it shows is never newer than what it shows.
    facts = settings_facts(project, current.fields)
    # The form fills its own copy, so that the page's frame never shows values that were not stored.
    sent = request.POST if request.method == "POST" else None
    form = ProjectForm(current, sent, instance=Project.objects.get(pk=project.pk))
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            change_settings(
                project=project,
                values=values,
                actor=request.user,
                shown=Shown.on_page(request),
                fields_shown=current.fields,
            )
        except ChangedMeanwhileError as error:
            return _show_changes(request, current, form, error)
        messages.success(request, _("The settings were saved."))
        return redirect(_address(project, current))
    context = {"form": form, "facts": facts}
    return _render(request, current, context, status=422 if request.method == "POST" else 200)


def _show_changes(
    request: ProjectRequest, section: Section, sent: ProjectForm, error: ChangedMeanwhileError
) -> HttpResponse:
    """The settings as they are now, with what the person entered and what others changed meanwhile."""
    facts = settings_facts(request.project, section.fields)
    form = ProjectForm(section, instance=Project.objects.get(pk=request.project.pk))
    changes = form.take_over(sent, who_changed(request.project)) or error.changes
    return _render(request, section, {"form": form, "facts": facts, "changes": changes}, status=409)


def _render(
    request: ProjectRequest, section: Section, context: dict[str, object], status: int
) -> HttpResponse:
    links = [(_address(request.project, each), each) for each in SECTIONS.values()]
    return render(
        request, "annotator/settings.html", context | {"section": section, "links": links}, status=status
    )


def _address(project: Project, section: Section) -> str:
    if section.name == FIRST:
        return reverse("settings", args=[project.slug])
    return reverse("settings-section", args=[project.slug, section.name])
