"""`manage.py db_worker`: django-tasks-db's worker, for a site whose database may be away for a while."""

import logging
import time
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections
from django_tasks_db.management.commands import db_worker

from annotator.data_folder import data_folder_in_use

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0


class Command(db_worker.Command):
    """The worker, which says that it uses the data folder, and outlives its connection to the database."""

    requires_system_checks: list[str] = []  # they load all pages, 20 MB for as long as this runs

    def handle(self, **options: Any) -> None:
        with data_folder_in_use():
            while True:
                try:
                    return super().handle(**options)
                except (OperationalError, InterfaceError) as error:  # theirs ends, and its processes with it
                    logger.warning("The database did not answer: %s", error)
                    close_old_connections()
                    time.sleep(RETRY_SECONDS)
