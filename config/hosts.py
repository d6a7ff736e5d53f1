"""The host that a request names, without a port that is not the site's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port


class SitePortMiddleware:
    """Drops the port of `Host`: Django checks the name only; a forged one would be in redirects and links.

    In production the site is at https's own port, which no browser names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        domain, _port = split_domain_port(request.META.get("HTTP_HOST", ""))
        if domain:
            request.META["HTTP_HOST"] = domain
        return self.get_response(request)
