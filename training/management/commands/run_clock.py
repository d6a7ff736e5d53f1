"""The clock: starts scheduled updates and revives abandoned ones."""

from typing import Any

from django.core.management.base import BaseCommand

from annotator.data_folder import data_folder_in_use
from training.services.clock import tick

from ._repeating import repeat, stop_on_signals

PERIOD_SECONDS = 20


class Command(BaseCommand):
    help = "Start due updates and hand abandoned ones to a worker again, until it is stopped."
    requires_system_checks: list[str] = []  # they load all pages, 20 MB for as long as this runs

    def handle(self, *args: Any, **options: Any) -> None:
        stop = stop_on_signals()
        with data_folder_in_use():
            self.stdout.write("The clock runs.")
            repeat(tick, every=PERIOD_SECONDS, until=stop)
