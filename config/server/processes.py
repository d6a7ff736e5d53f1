"""Several processes that serve at one socket: one that dies is followed by another."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

LONG = 10.0
"""Seconds that a process must have lived for its successor not to be delayed."""
LONGEST_DELAY = 1.0  # to start one costs little: the site is loaded already
TIME_TO_STOP = 4.0
"""Seconds that requests have to finish when the server is told to stop; honcho waits five."""

logger = logging.getLogger(__name__)
fork = multiprocessing.get_context("fork")


class Place:
    """A process, or the time when the next one in its place is due."""

    def __init__(self, serve: Callable[[], None]) -> None:
        self.serve = serve
        self.early_deaths = 0
        self.start()

    def start(self) -> None:
        self.began = time.monotonic()
        self.process: Any = fork.Process(target=_serve, args=(self.serve,), daemon=True)
        self.process.start()

    def look_after(self) -> None:
        """Note a death; start the next process when it is due: at once, later when they die young."""
        now = time.monotonic()
        if self.process and not self.process.is_alive():
            self.early_deaths = self.early_deaths + 1 if now - self.began < LONG else 0
            delay = min(0.1 * 2**self.early_deaths, LONGEST_DELAY) if self.early_deaths > 1 else 0.0
            logger.error("Web process %d ended (%s).", self.process.pid, self.process.exitcode)
            self.process, self.due = None, now + delay
        if not self.process and self.due <= now:
            self.start()


def keep_serving(serve: Callable[[], None], number: int) -> None:
    """Run `serve` in so many processes until SIGTERM or SIGINT ends them all."""
    signal.signal(signal.SIGTERM, _exit_once)
    places: list[Place] = []
    try:
        places += (Place(serve) for _ in range(number))
        while True:
            dues = [place.due for place in places if not place.process]
            timeout = max(0.0, min(dues) - time.monotonic()) if dues else None
            wait([place.process.sentinel for place in places if place.process], timeout)
            for place in places:
                place.look_after()
    except KeyboardInterrupt:
        pass
    finally:
        _stop([place.process for place in places if place.process])


def _stop(processes: list[Any]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + TIME_TO_STOP
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
    for process in processes:
        process.kill()


def _serve(serve: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, _exit_once)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve()


def _exit_once(*_: Any) -> None:
    """systemd and honcho tell every process, and the parent its children: twice must not cut answers off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)
