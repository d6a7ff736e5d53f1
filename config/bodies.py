"""Refuses request bodies of unknown length."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from config.errors import API


class LengthRequiredMiddleware:
    """Answers 411 to a body without Content-Length (RFC 9110, section 15.5.12).

    WSGI names no length for a body that is sent in chunks, and Django then reads it as empty: an act would
    be done with its defaults in the place of what was sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("CONTENT_LENGTH") or not _has_body(request):
            return self.get_response(request)
        words = _("The request has a body without Content-Length; nothing was done. Send it with its length.")
        if request.path_info.startswith(API):
            return JsonResponse({"detail": words}, status=411)
        return HttpResponse(words, status=411, content_type="text/plain; charset=utf-8")


def _has_body(request: HttpRequest) -> bool:
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return True
    # In HTTP/2 no header announces a body.
    is_http_2 = request.META.get("SERVER_PROTOCOL", "").startswith("HTTP/2")
    return is_http_2 and bool(request.META["wsgi.input"].read(1))
