"""The worker's own part: what django-tasks-db does not do."""

import pytest
from django.core.management import call_command
from django.db import InterfaceError, OperationalError
from django_tasks_db.management.commands.db_worker import Worker

from annotator.data_folder import data_folder_alone
from annotator.errors import RefusedError
from training.management.commands import db_worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_worker, "RETRY_SECONDS", 0)
    monkeypatch.setattr(db_worker, "close_old_connections", lambda: None)
    monkeypatch.setattr(Worker, "configure_signals", lambda _self: None)


def test_a_worker_goes_on_when_its_database_comes_back(monkeypatch):
    answers = [OperationalError("the connection is closed"), InterfaceError("closed"), None]

    def run(_worker: Worker) -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    monkeypatch.setattr(Worker, "run", run)
    call_command("db_worker", startup_delay=False)
    assert answers == []


def test_a_worker_uses_the_data_folder_while_it_runs(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path  # the tests' own is in use where one of them serves the site

    def run(_worker: Worker) -> None:
        with pytest.raises(RefusedError, match="The site runs"), data_folder_alone():
            pass

    monkeypatch.setattr(Worker, "run", run)
    call_command("db_worker", startup_delay=False)
    with data_folder_alone():
        pass
