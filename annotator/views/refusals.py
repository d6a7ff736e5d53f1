"""Shows a service's refusal: as a message, or as a page of what changed meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from annotator.errors import RefusedError
from annotator.shown import ChangedMeanwhileError


@contextmanager
def tell_refusal(request: HttpRequest) -> Iterator[None]:
    """Turn a RefusedError in the block into a message on the next page.

    What has changed meanwhile gets a page of its own: from the view, or from the middleware.
    """
    try:
        yield
    except ChangedMeanwhileError:
        raise
    except RefusedError as refused:
        messages.error(request, str(refused))


def show_changes(request: HttpRequest, error: ChangedMeanwhileError, *, go_on: str) -> HttpResponse:
    """The page that says what changed, with a way to the page at `go_on`, which shows how things are now."""
    context = {"changes": error.changes, "go_on": go_on}
    return render(request, "annotator/changed.html", context, status=HTTPStatus.CONFLICT)
