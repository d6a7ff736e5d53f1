"""A middleware of the tests: no page answers a POST that succeeded, or a reload would do it again."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def answers_by_redirect(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a test fail whose POST is answered by a page and status 200.

    htmx puts an answer into the page it is on; allauth shows forms with errors with this status.
    """

    def checked(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match = request.resolver_match
        if (
            request.method == "POST"
            and response.status_code == 200
            and response.get("Content-Type", "").startswith("text/html")
            and "HX-Request" not in request.headers
            and match is not None
            and not match.func.__module__.startswith("allauth.")
        ):
            raise AssertionError(f"{request.path} answers a POST with a page; it should redirect.")
        return response

    return checked
