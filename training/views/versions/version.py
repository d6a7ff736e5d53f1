"""One version: where it came from, how it did, and what to do with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import ProjectRequest, project_view
from annotator.models import Role
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from training.models import Export, ModelVersion, Origin, Update
from training.services.base_models.cards import describe_base
from training.services.gate.blind_test import start_blind_test
from training.services.versions.exports import file_name
from training.services.versions.family import family_of
from training.services.versions.origins import sources_for, versions_coordinated_by, why_settled
from training.services.versions.releases import reject_version, release_version
from training.services.versions.removing import delete_version_files, why_needed
from training.views.results import result_context
from training.views.versions.adapters import adapter_files


@require_safe
@project_view(Role.COORDINATOR)
def family(request: ProjectRequest) -> HttpResponse:
    """All versions, each below the one that it was trained from."""
    project = request.project
    context = {
        "family": family_of(project),
        "live": project.versions.live().first(),
        "can_start_from": not why_settled(project) and bool(sources_for(request.user, project)),
    }
    return render(request, "training/versions.html", context)


@require_safe
@project_view(Role.COORDINATOR)
def version_detail(request: ProjectRequest, number: int) -> HttpResponse:
    versions = request.project.versions.select_related("parent", "dataset", "author")
    version = get_object_or_404(versions, number=number)
    update = Update.objects.filter(candidate=version).select_related("started_by", "project").first()
    context = result_context(version, update) | {
        "base_licence": describe_base(version.base_model).licence,
        "update": update,
        "runs": update.runs.all() if update else version.runs.all(),
        "releases": version.releases.select_related("previous", "released_by"),
        "export": (export := Export.objects.filter(version=version).first()),
        "files": _files_of(export) if export else {},
        "adapter_files": list(adapter_files(version)),
        "why_needed": why_needed(version),
        "children": request.project.versions.filter(parent=version),
        **_kin(version, request),
    }
    return render(request, "training/version.html", context)


def _kin(version: ModelVersion, request: ProjectRequest) -> dict[str, Any]:
    """Where it came from and what started from it, in other projects; links to those that one coordinates."""
    origin = Origin.objects.filter(version=version).select_related("source__project").first()
    source = origin.source if origin else None
    return {
        "origin": origin,
        "can_see_source": source and versions_coordinated_by(request.user).filter(pk=source.pk).exists(),
        "descendants": Origin.objects.filter(source=version).select_related("version__project"),
    }


def _files_of(export: Export) -> dict[str, dict[str, Any]]:
    """A version's GGUF files by part, with the names that they are downloaded under."""
    return {
        part: {"name": file_name(export.version, part), "sha256": file.sha256, "bytes": file.bytes}
        for part, file in export.files.items()
    }


@require_POST
@project_view(Role.COORDINATOR)
def version_release(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(request.project.versions.select_related("project", "author"), number=number)
    with tell_refusal(request):
        release_version(version=version, actor=request.user, shown=Shown.on_page(request))
        messages.success(
            request,
            _("%(version)s is live. It answers every prompt now; a round opens when it is done.")
            % {"version": version},
        )
        return redirect("training", request.project.slug)
    return redirect("version", request.project.slug, number)


@require_POST
@project_view(Role.COORDINATOR)
def version_reject(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(request.project.versions.select_related("project"), number=number)
    with tell_refusal(request):
        reject_version(version=version, actor=request.user, shown=Shown.on_page(request))
        words = _("%(version)s was rejected; the live version stays.")
        messages.success(request, words % {"version": version})
    return redirect("version", request.project.slug, number)


@require_POST
@project_view(Role.COORDINATOR)
def version_test(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(request.project.versions.select_related("project", "author"), number=number)
    with tell_refusal(request):
        start_blind_test(version=version, actor=request.user, shown=Shown.on_page(request))
        messages.success(request, _("The blind test has begun: its comparisons are in the open round."))
    return redirect("version", request.project.slug, number)


@require_POST
@project_view(Role.COORDINATOR)
def version_delete_files(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(request.project.versions.select_related("project"), number=number)
    with tell_refusal(request):
        delete_version_files(version=version, actor=request.user, shown=Shown.on_page(request))
        messages.success(request, _("The files of %(version)s are being deleted.") % {"version": version})
    return redirect("version", request.project.slug, number)
