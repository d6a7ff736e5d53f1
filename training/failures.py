"""Failures of the site's own part of a run: describe, retry or record them."""

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
    """The reason for coordinators why the site failed; the traceback goes to the log."""
    reason, kind = explain(error)
    return reason if kind != "internal" else f"The site failed unexpectedly: {type(error).__name__}: {error}"


def retry_write(write: Callable[[], None]) -> None:
    """Call `write` again while the database is busy or restarting, for at most as long as a lease lasts."""
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
def record_failure(work: Leased) -> Iterator[None]:
    """Fail the claimed `work` with any error raised inside the block, and do not raise it further.

    After another worker has taken the lease over, nothing is written.
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
