"""A dataset's files as HTTP responses, under the names in its card and manifest."""

import base64
import hashlib

from django.http import FileResponse, Http404, HttpResponse
from django.utils.translation import gettext as _

from annotator import downloads

from .models import Dataset


def answer_file(dataset: Dataset, name: str, content_type: str | None = None) -> FileResponse | HttpResponse:
    """One of the dataset's files; raises Http404 when there is none of this name."""
    try:
        file = dataset.open_file(name)
    except OSError as error:
        raise Http404(_("The dataset has no such file.")) from error
    return downloads.answer_file(file, name, content_type)


def answer_zip(dataset: Dataset) -> FileResponse | HttpResponse:
    """All files in one zip, with its SHA-256 (RFC 9530); raises Http404 when one of them is gone."""
    try:
        file = dataset.open_zip()
    except FileNotFoundError as error:
        raise Http404(_("A file of this dataset is gone from the disk.")) from error
    digest = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
    file.seek(0)
    name = f"{dataset.folder_name}.zip"
    response = downloads.answer_file(file, name, "application/zip")
    response["Repr-Digest"] = f"sha-256=:{digest}:"
    return response
