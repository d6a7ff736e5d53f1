"""How a page passes on what a service refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from annotator.errors import RefusedError


@contextmanager
def tell_refusal(request: HttpRequest) -> Iterator[None]:
    """What is refused within becomes a message on the page that comes next."""
    try:
        yield
    except RefusedError as refused:
        messages.error(request, str(refused))
