"""The tables of docs/security.md name tests that there are."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEXT = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+|\*)`", TEXT)
"""(file, test), `*` for all tests of a file."""


def test_every_test_that_is_named_is_there():
    missing = []
    for file, name in NAMED:
        path = ROOT / "tests" / file
        found = re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE) if path.is_file() else []
        if not found or name not in (*found, "*"):
            missing.append(f"{file}::{name}")
    assert len(NAMED) > 100 and missing == []


def test_every_test_is_named_in_the_form_that_is_looked_for():
    assert len(re.findall(r"\.py::", TEXT)) == len(NAMED)


def test_no_requirement_is_answered_twice():
    rows = re.findall(r"^\| (V[^|]+) \|", TEXT, re.MULTILINE)
    numbers = [number for row in rows for number in re.findall(r"V[\d.]+", row)]
    assert len(numbers) > 100 and len(numbers) == len(set(numbers))


def test_every_row_without_a_test_gives_its_reason():
    rows = [line.strip("|").split("|") for line in TEXT.splitlines() if re.match(r"\| V\d", line)]
    assert [row[0] for row in rows if len(row) != 4 or not row[2].strip()] == []
