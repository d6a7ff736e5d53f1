"""Commands that do the same again and again until they are stopped."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from django.db import close_old_connections

logger = logging.getLogger(__name__)


def stop_on_signals() -> threading.Event:
    """What SIGTERM and SIGINT set from now on."""
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    return stop


def repeat(act: Callable[[], object], *, every: float, until: threading.Event) -> None:
    """Call `act` every so many seconds, whatever goes wrong with it."""
    while not until.is_set():
        try:
            act()
        except Exception:  # a database that is away comes back; the process must not be gone by then
            logger.exception("It went wrong this time, and is done again")
        close_old_connections()
        until.wait(every)
