"""What goes wrong in a command, in words for the person at the terminal."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError

from annotator.errors import RefusedError


@contextmanager
def refusals_as_errors(kept: str) -> Iterator[None]:
    """End the command on a refusal, or an error of disk or database, with its words and then `kept`."""
    try:
        yield
    except (RefusedError, OSError, DatabaseError, sqlite3.Error) as error:
        raise CommandError(f"{error}\n{kept}") from error
