"""Faults of the site itself: told in words, or outlasted."""

import logging
import time
from collections.abc import Callable

from django.db import OperationalError, close_old_connections

from training.models import LEASE
from training.rlhf.errors import explain

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0


def reason_of(error: Exception) -> str:
    """Why the site could not do its part, in words for a coordinator; the log has the rest."""
    reason, kind = explain(error)
    return reason if kind != "internal" else f"The site failed unexpectedly: {type(error).__name__}: {error}"


def insist(write: Callable[[], None]) -> None:
    """Write to a database that may be busy or restarting: again and again, for as long as a lease lasts."""
    deadline = time.monotonic() + LEASE.total_seconds()
    while True:
        try:
            return write()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            logger.exception("The database did not answer")
            close_old_connections()
            time.sleep(RETRY_SECONDS)
