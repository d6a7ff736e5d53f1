"""What the environment makes of the site's settings."""

import runpy
from pathlib import Path

import pytest
from django.conf import settings


@pytest.mark.parametrize(
    ("address", "asked", "ours"),
    [
        ("postgres://u@db/chorus?sslmode=verify-full", {"sslmode": "verify-full"}, "prepare_threshold"),
        ("sqlite:////tmp/chorus.sqlite3?timeout=60", {"timeout": 60}, "init_command"),
    ],
)
def test_what_the_address_of_the_database_asks_for_is_kept(monkeypatch, address, asked, ours):
    monkeypatch.setenv("DATABASE_URL", address)
    read = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "settings.py"))
    options = read["DATABASES"]["default"]["OPTIONS"]
    assert ours in options and asked.items() <= options.items()
