"""How much one field of a form may hold, whichever form reads it; Django bounds all of them together."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.errors import PROGRAMS

MAX_CHARACTERS = 50_000
"""The longest texts have 20,000, and a browser may send two characters for the end of a line."""
MAX_NAME = 200


class FormBoundsMiddleware:
    """Answers 413 to a form with a longer field, before a view looks at it or repeats it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        if request.method != "POST" or request.path_info.startswith(PROGRAMS):
            return None
        for name, values in request.POST.lists():
            if len(name) > MAX_NAME or any(len(str(value)) > MAX_CHARACTERS for value in values):
                context = {"name": name[:MAX_NAME], "most": MAX_CHARACTERS}
                return render(request, "413.html", context, status=413)
        return None
