"""What a monitor is told about the process and about the site."""

import logging

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.urls import reverse

SECRET = "password of the database"


@pytest.fixture
def broken_database(monkeypatch):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OperationalError(SECRET)

    monkeypatch.setattr(connection, "cursor", refuse)


def test_the_process_lives(client, broken_database):
    page = client.get("/healthz")
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]


def test_the_site_is_ready(client, db):
    page = client.get("/readyz")
    assert (page.status_code, page.text) == (200, "The site is ready.\n")
    assert "no-store" in page["Cache-Control"]


def test_without_a_database_the_site_is_not_ready_and_tells_the_reason_to_the_log_only(
    client, broken_database, caplog
):
    with caplog.at_level(logging.ERROR):
        page = client.get("/readyz")
    assert (page.status_code, page.text) == (503, "The database does not answer.\n")
    assert SECRET in caplog.text


def test_with_a_migration_that_is_not_applied_the_site_is_not_ready(client, db):
    MigrationRecorder(connection).migration_qs.filter(app="sessions").delete()
    page = client.get("/readyz")
    assert page.status_code == 503
    assert page.text == "Migrations that are not applied: 1. Run manage.py migrate.\n"


def test_without_a_folder_to_write_to_the_site_is_not_ready(client, db, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"
    page = client.get("/readyz")
    assert (page.status_code, page.text) == (503, "The data folder cannot be written to.\n")


def test_everything_that_is_wrong_is_named(client, broken_database, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"
    assert client.get("/readyz").text.count("\n") == 2


@pytest.mark.parametrize("name", ["live", "ready"])
def test_a_monitor_only_asks(client, db, name):
    assert client.head(reverse(name)).status_code == 200
    assert client.post(reverse(name)).status_code == 405
