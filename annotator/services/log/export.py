"""The audit log as a file, written while it is sent."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone, translation

from annotator.models.audit import AuditEventQuerySet
from annotator.text.csv_cells import plain_cell

from .reading import ISOLATED, Line, read_in_chunks

COLUMNS = ("at", "who", "act", "sentence", "target", "data")
Row = dict[str, Any]


def write_log(events: AuditEventQuerySet, file_format: str) -> Iterator[str]:
    """The rows in the language and on the clock that hold when it is called, as `csv` or `jsonl`."""
    write = WRITERS[file_format]
    chunks = read_in_chunks(events)
    language, zone = translation.get_language(), timezone.get_current_timezone()

    def parts() -> Iterator[str]:
        if file_format == "csv":
            yield _csv([dict(zip(COLUMNS, COLUMNS, strict=True))])
        while True:
            # The page that asked has been answered by now, and its language and clock ended with it.
            with translation.override(language), timezone.override(zone):
                if (lines := next(chunks, None)) is None:
                    return
                part = write([_row(line) for line in lines])
            yield part

    return parts()


def _row(line: Line) -> Row:
    return {
        "at": timezone.localtime(line.event.created_at).isoformat(timespec="seconds"),
        "who": line.who,
        "act": line.event.verb,
        "sentence": line.sentence.translate(dict.fromkeys(map(ord, ISOLATED.replace("%s", "")))),
        "target": line.event.target,
        "data": line.event.data,
    }


def _csv(rows: list[Row]) -> str:
    file = io.StringIO()
    written = csv.writer(file)
    for row in rows:
        cells = {**row, "data": row["data"] if isinstance(row["data"], str) else _json(row["data"])}
        written.writerow([plain_cell(cells[name]) for name in COLUMNS])
    return file.getvalue()


def _jsonl(rows: list[Row]) -> str:
    return "".join(_json(row) + "\n" for row in rows)


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


WRITERS: dict[str, Callable[[list[Row]], str]] = {"csv": _csv, "jsonl": _jsonl}
