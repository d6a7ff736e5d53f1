"""The language of a page."""

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation


class LanguageMiddleware(LocaleMiddleware):
    """The language that a signed-in person chose, else the cookie's, else the browser's.

    It comes after authentication, which has the person for the page anyway.
    """

    def process_request(self, request: HttpRequest) -> None:
        if chosen := getattr(request.user, "interface_language", ""):
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)
