"""The serving process: runs the servers of live versions, and replaces those that die."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotator.data_folder import data_folder_in_use
from training.services.serving.supervisor import Supervisor

from ._repeating import repeat, stop_on_signals

LOCK = "serving.lock"
PERIOD_SECONDS = 1.0


class Command(BaseCommand):
    help = "Serve the live version of each project, until it is stopped."
    requires_system_checks: list[str] = []  # they load all pages, 20 MB for as long as this runs

    def handle(self, *args: Any, **options: Any) -> None:
        stop = stop_on_signals()
        with data_folder_in_use(), alone():
            self.stdout.write("Live versions are served.")
            supervisor = Supervisor()
            repeat(supervisor.tick, every=PERIOD_SECONDS, until=stop)
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
