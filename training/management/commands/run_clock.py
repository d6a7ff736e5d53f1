"""The clock: starts scheduled updates and revives abandoned ones."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from annotator.data_folder import data_folder_in_use
from training.services.clock import tick

logger = logging.getLogger(__name__)
PERIOD_SECONDS = 20


class Command(BaseCommand):
    help = "Start due updates and hand abandoned ones to a worker again, until it is stopped."
    requires_system_checks: list[str] = []  # they load all pages, 20 MB for as long as this runs

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        with data_folder_in_use():
            self.stdout.write("The clock runs.")
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                tick()
            except Exception:  # a database that is away comes back; the clock must not be gone by then
                logger.exception("The clock missed a beat")
            close_old_connections()
            stop.wait(PERIOD_SECONDS)
