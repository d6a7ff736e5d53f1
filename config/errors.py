"""What is answered when something broke: a page or JSON, made without the database."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

API = "/api/"
RETRY_SECONDS = 10


def answer_error(request: HttpRequest) -> HttpResponse:
    """500 for the exception under way, or 503 with Retry-After if the database did not answer.

    It may have failed at the first thing a request looks up, who asks: so the language is the browser's, and
    the page is one for nobody in particular.
    """
    is_away = isinstance(sys.exception(), OperationalError | InterfaceError)
    status = 503 if is_away else 500
    with translation.override(translation.get_language_from_request(request)):
        if request.path_info.startswith(API):
            response: HttpResponse = JsonResponse({"detail": _reason(is_away)}, status=status)
        else:
            response = HttpResponse(render_to_string(f"{status}.html"), status=status)
    if is_away:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _reason(is_away: bool) -> str:
    if is_away:
        return _("The database does not answer just now; this may not have been stored. Send it again later.")
    return _("Something went wrong on our side, and was logged. This may not have been stored.")
