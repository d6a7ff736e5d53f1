"""What is answered when something broke: a page or JSON, made without the database."""

import errno
import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

API, OPENAI = "/api/", "/v1/"
PROGRAMS = (API, OPENAI)
"""Where addresses begin whose answers are JSON."""
RETRY_SECONDS = 10
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def answer_error(request: HttpRequest) -> HttpResponse:
    """500 for the exception under way, or 503 with Retry-After if database or disk could not be used.

    It may have failed at the first thing a request looks up, who asks: so the language is the browser's, and
    the page is one for nobody in particular.
    """
    error = sys.exception()
    is_full = isinstance(error, OSError) and error.errno in NO_ROOM
    is_away = isinstance(error, OperationalError | InterfaceError)
    status = 503 if is_away or is_full else 500
    with translation.override(translation.get_language_from_request(request)):
        if request.path_info.startswith(PROGRAMS):
            body = as_json(request.path_info, _reason(is_away, is_full))
            response: HttpResponse = JsonResponse(body, status=status)
        else:
            response = HttpResponse(render_to_string(f"{status}.html", {"is_full": is_full}), status=status)
    if status == 503:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def as_json(path: str, words: str) -> dict[str, Any]:
    """A refusal as the programs read it that ask for such an address."""
    if path.startswith(OPENAI):
        return {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": None}}
    return {"detail": words}


def _reason(is_away: bool, is_full: bool) -> str:
    if is_away:
        return _("The database does not answer just now; this may not have been stored. Send it again later.")
    if is_full:
        return _("The site's disk is full or can only be read; this was not stored. Send it again later.")
    return _("Something went wrong on our side, and was logged. This may not have been stored.")
