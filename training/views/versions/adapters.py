"""A version's adapter as files for transformers and PEFT, with its card."""

from pathlib import Path

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.access import ProjectRequest, project_view
from annotator.downloads import answer_file
from annotator.models import Role
from training.models import ModelVersion
from training.services.versions.files import ADAPTER_FILES, CARD

FILES = (*ADAPTER_FILES, CARD)


@require_safe
@project_view(Role.COORDINATOR)
def adapter_file(request: ProjectRequest, number: int, name: str) -> FileResponse | HttpResponse:
    version = get_object_or_404(request.project.versions, number=number)
    if (path := adapter_files(version).get(name)) is None:
        raise Http404(_("This version has no such file."))
    return answer_file(open(path, "rb"), name)


def adapter_files(version: ModelVersion) -> dict[str, Path]:
    """The files that are there, by the names that PEFT reads them under."""
    folder = version.adapter_dir
    return {name: folder / name for name in FILES if (folder / name).is_file()} if folder else {}
