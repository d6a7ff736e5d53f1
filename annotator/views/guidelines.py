"""The project's guidelines, for everybody who ranks."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.models import GuidelinesVersion
from annotator.text.diff import changed_lines


@require_safe
@project_view(*MEMBERS)
def guidelines(request: ProjectRequest) -> HttpResponse:
    versions = GuidelinesVersion.objects.filter(project=request.project).select_related("written_by")
    shown, *older = versions.defer("text") or [None]
    return render(request, "annotator/guidelines.html", {"version": shown, "older": older})


@require_safe
@project_view(*MEMBERS)
def guidelines_version(request: ProjectRequest, number: int) -> HttpResponse:
    version = get_object_or_404(GuidelinesVersion, project=request.project, number=number)
    before = version.before()
    context = {
        "version": version,
        "changes": changed_lines(before.text, version.text) if before else None,
    }
    return render(request, "annotator/guidelines_version.html", context)
