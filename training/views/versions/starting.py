"""Starting a project from another one's version."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from ranking.models import Dataset
from training.facts import work_facts
from training.models import ModelVersion
from training.services.versions.origins import (
    provenance_of,
    sources_for,
    versions_coordinated_by,
    why_settled,
)
from training.services.versions.starting import start_from
from training.services.versions.withdrawn_datasets import withdrawn_datasets


@require_http_methods(["GET", "HEAD", "POST"])
@project_view(Role.COORDINATOR)
def version_start(request: ProjectRequest) -> HttpResponse:
    """Choose a version of another project that one coordinates, too; of others nobody learns by this page."""
    project = request.project
    if request.method != "POST":
        reason = why_settled(project)
        sources = [] if reason else sources_for(request.user, project)
        context = {
            "facts": work_facts(project),
            "reason": reason,
            "sources": _with_facts(sources),
        }
        return render(request, "training/start_from.html", context)
    chosen = request.POST.get("source", "")
    if not chosen:
        messages.error(request, _("Choose a version to start from."))
        return redirect("start-from", project.slug)
    is_number = chosen.isascii() and chosen.isdigit() and len(chosen) < 16
    source = versions_coordinated_by(request.user).filter(pk=int(chosen)).first() if is_number else None
    if source is None:
        raise Http404("No such version.")
    with tell_refusal(request):
        version = start_from(project=project, source=source, actor=request.user, shown=Shown.on_page(request))
        messages.success(request, _("%(version)s is live.") % {"version": version})
        return redirect("version", project.slug, version.number)
    return redirect("start-from", project.slug)


def _with_facts(sources: list[ModelVersion]) -> list[tuple[ModelVersion, dict[str, Any], list[Dataset]]]:
    """Each with what would stay on record of it, and the datasets behind it of which part was taken back."""
    behind = {project: withdrawn_datasets(project) for project in {source.project for source in sources}}
    return [(source, provenance_of(source), behind[source.project].get(source.pk, [])) for source in sources]
