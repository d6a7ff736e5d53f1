"""A version's GGUF files: downloading them, and having them made again."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import ProjectRequest, project_view
from annotator.downloads import answer_file
from annotator.models import Role
from annotator.views.refusals import tell_refusal
from training.models import Export
from training.services.versions.exports import file_name, retry_export


@require_safe
@project_view(Role.COORDINATOR)
def export_file(request: ProjectRequest, number: int, part: str) -> FileResponse | HttpResponse:
    export = _export(request, number)
    if (file := export.files.get(part)) is None:
        raise Http404(_("This version has no such file."))
    return answer_file(open(file.path, "rb"), file_name(export.version, part))


@require_POST
@project_view(Role.COORDINATOR)
def export_retry(request: ProjectRequest, number: int) -> HttpResponse:
    with tell_refusal(request):
        retry_export(export=_export(request, number), actor=request.user)
        messages.success(request, _("The files are made again."))
    return redirect("version", request.project.slug, number)


def _export(request: ProjectRequest, number: int) -> Export:
    exports = Export.objects.filter(version__project=request.project).select_related("version__project")
    return get_object_or_404(exports, version__number=number)
