"""Files as downloads: every file that a page or the API hands out goes through here."""

from pathlib import Path
from typing import IO
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, HttpResponse

OF_THE_PROXY = ("datasets", "exports")
"""Folders of the data folder whose files nginx may send (deploy/nginx.conf)."""


def answer_file(file: IO[bytes], name: str, content_type: str | None = None) -> FileResponse | HttpResponse:
    """An open file as a download; the caller has checked who asks.

    With CHORUS_ACCEL the proxy sends what lies in its folders. The web server sends the rest from its loop:
    no thread waits for who reads it.
    """
    response = FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
    if not (settings.ACCEL and (place := _place(file))):
        return response
    kept = {header: response[header] for header in ("Content-Type", "Content-Disposition")}
    file.close()
    return HttpResponse(headers={**kept, "X-Accel-Redirect": quote(settings.ACCEL + place)})


def _place(file: IO[bytes]) -> str:
    """The file's path in the data folder, where the proxy may read it; empty for other files."""
    if not isinstance(name := getattr(file, "name", None), str | Path):
        return ""
    path = Path(name).resolve()
    if not any(path.is_relative_to(settings.DATA_DIR / folder) for folder in OF_THE_PROXY):
        return ""
    return str(path.relative_to(settings.DATA_DIR))
