"""The language and the time zone of a page, and the pages above those that take forms only."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import redirect
from django.urls import is_valid_path
from django.utils import timezone, translation

from .shown import ChangedMeanwhileError
from .views.refusals import show_changes


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


class TimeZoneMiddleware:
    """Ends with each request the time zone that it was given: `project_view` gives it the project's.

    It is around what shows a change or an error, so that these have the zone of the page, too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):
            return self.get_response(request)


class PageAboveMiddleware:
    """Sends a browser that opens an address for forms on to the page above it, in place of a bare 405.

    People come to such an address by reloading a page that answered a form with what is wrong in it, by
    choosing its language, and by signing in after their session ended while they filled in the form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_opened = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and is_opened:
            return redirect(_page_above(request.path_info))
        return response


class ChangedMeanwhileMiddleware:
    """Shows what has changed to a person whose act is about something else than their page showed.

    A view whose form has texts in it answers by itself, with what was entered.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, ChangedMeanwhileError):
            return show_changes(request, error, go_on=_page_above(request.path_info))
        return None


def _page_above(path: str) -> str:
    """The nearest address above that there is; it may take forms only, too."""
    while path := path.rstrip("/").rpartition("/")[0]:
        if is_valid_path(f"{path}/"):
            return f"{path}/"
    return "/"
