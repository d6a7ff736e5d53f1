"""How lines of the log are written."""

import json
import logging
import runpy
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.logs import JSONFormatter

SETTINGS = str(Path(settings.BASE_DIR) / "config" / "settings.py")


def record_of(message: str, *values: object, **more: object) -> logging.LogRecord:
    return logging.LogRecord(
        "training", logging.ERROR, "file.py", 1, message, values, **{"exc_info": None, **more}
    )


def test_a_line_is_one_object_with_its_traceback():
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        caught = (ValueError, error, error.__traceback__)
    text = JSONFormatter().format(record_of("The %s failed.", "run", exc_info=caught))
    line = json.loads(text)
    assert "\n" not in text
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "training", "The run failed.")
    assert "two\nlines" in line["traceback"]


def test_a_line_leaves_out_the_request():
    record = record_of("Not Found")
    record.request = "GET /join/secret/"
    assert "secret" not in JSONFormatter().format(record)


@pytest.mark.parametrize(("asked", "used"), [("json", "json"), ("text", "text"), (None, "text")])
def test_the_environment_chooses_how_lines_are_written(monkeypatch, asked, used):
    monkeypatch.delenv("CHORUS_LOG", raising=False)
    if asked:
        monkeypatch.setenv("CHORUS_LOG", asked)
    assert runpy.run_path(SETTINGS)["LOGGING"]["handlers"]["console"]["formatter"] == used


def test_another_way_of_writing_lines_is_refused(monkeypatch):
    monkeypatch.setenv("CHORUS_LOG", "xml")
    with pytest.raises(ImproperlyConfigured, match="CHORUS_LOG"):
        runpy.run_path(SETTINGS)
