"""Shows a service's refusal as a message."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from annotator.errors import RefusedError


@contextmanager
def tell_refusal(request: HttpRequest) -> Iterator[None]:
    """Turn a RefusedError in the block into a message on the next page."""
    try:
        yield
    except RefusedError as refused:
        messages.error(request, str(refused))
