"""Who may embed what the site answers."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class OwnOriginMiddleware:
    """No other site loads an answer of this one into its own pages (`Cross-Origin-Resource-Policy`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
