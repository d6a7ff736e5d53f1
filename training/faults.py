"""Faults of the site itself: told in words, or outlasted."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import OperationalError, close_old_connections

from annotator.errors import RefusedError
from training.models import LEASE, Leased, LeaseLostError
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


@contextmanager
def failure_told(work: Leased) -> Iterator[None]:
    """Make whatever goes wrong inside the error that claimed `work` ends with.

    Once another worker holds the lease, nothing more is written: this one leaves quietly.
    """
    try:
        try:
            yield
        except LeaseLostError:
            raise
        except RefusedError as refused:
            logger.warning("%s failed: %s", work, refused)
            work.finish(work.State.FAILED, error=str(refused))
        except Exception as error:
            logger.exception("%s failed", work)
            work.finish(work.State.FAILED, error=reason_of(error))
    except LeaseLostError as lost:
        logger.warning("%s: %s", work, lost)
