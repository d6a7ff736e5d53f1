"""The serving process: runs the servers of live versions, and replaces those that die."""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from annotator.data_folder import data_folder_in_use
from training.services.serving.supervisor import Supervisor

logger = logging.getLogger(__name__)
LOCK = "serving.lock"
PERIOD_SECONDS = 1.0


class Command(BaseCommand):
    help = "Serve the live version of each project, until it is stopped."
    requires_system_checks: list[str] = []  # they load all pages, 20 MB for as long as this runs

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        with data_folder_in_use(), alone():
            self.stdout.write("Live versions are served.")
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        supervisor = Supervisor()
        while not stop.is_set():
            try:
                supervisor.tick()
            except Exception:  # a database that is away comes back; what runs goes on meanwhile
                logger.exception("What is served could not be looked after")
                close_old_connections()
            stop.wait(PERIOD_SECONDS)
        supervisor.close()


@contextmanager
def alone() -> Iterator[None]:
    """Refuse to run beside another one: each would end the other's servers."""
    lock = os.open(Path(settings.DATA_DIR) / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError("Another process serves the versions of this site already.") from None
    try:
        yield
    finally:
        os.close(lock)
