"""`manage.py db_worker`: django-tasks-db's worker, which says that it uses the data folder."""

from typing import Any

from django_tasks_db.management.commands import db_worker

from annotator.data_folder import data_folder_in_use


class Command(db_worker.Command):
    def handle(self, **options: Any) -> None:
        with data_folder_in_use():
            super().handle(**options)
