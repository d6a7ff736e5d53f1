"""Reading numbered records from CSV, JSON and JSONL files, and what is wrong with them; no database here."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.text.storable import UNSTORABLE, is_blank
from annotator.text.strict_json import BadJSONError, load_any_json


@dataclass(frozen=True)
class FileLimits:
    """How much a file may hold."""

    bytes: int
    lines: int


ON_A_PAGE = FileLimits(5 * 1024**2, 10_000)
"""What a request can read and store in two seconds."""
BY_A_COMMAND = FileLimits(20 * 1024**2, 100_000)

MAX_COLUMNS = 1000
MAX_HEADER = 100_000
"""Characters of a CSV file in which the columns are looked for."""
MAX_LIST_VALUES = 500_000
BYTES_PER_VALUE = 10
"""How long a value of a JSON list with more than that is at least, on average."""
LINE_END = re.compile(r"\r\n|\r|\n")
COLUMNS = ("prompt", "question", "messages", "language", "source", "tags")
"""Those of a CSV file that are read."""

# Python's own limit of 131,072 characters would refuse a whole file for a cell that nobody reads.
csv.field_size_limit(BY_A_COMMAND.bytes)
TYPE_NAMES = {
    bool: gettext_lazy("true or false"),
    int: gettext_lazy("a number"),
    float: gettext_lazy("a number"),
    list: gettext_lazy("a list"),
    dict: gettext_lazy("an object"),
}

Record = dict[str, Any]


class BadRecordError(ValueError):
    """A record that cannot be taken; the message says why."""


class EmptyRecordError(ValueError):
    """A record with nothing in it."""


@dataclass(frozen=True)
class LineNote:
    """What happened to one line; line 0 is the file as a whole."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, with or without byte order mark, or in UTF-16 with one."""
    has_utf16_mark = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if has_utf16_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(re.split(rb"\r\n|\r|\n", content[: error.start]))
        raise BadRecordError(
            _("The file is not UTF-8 (see line %(line)d); save it as UTF-8.") % {"line": line}
        ) from None


def check_lines(text: str, limits: FileLimits) -> None:
    # A line may leave a draft or a note, which take far more memory than it.
    if count_line_ends(text) > limits.lines:
        raise too_many_lines(limits)


def count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def too_many_lines(limits: FileLimits) -> BadRecordError:
    lines = number_format(limits.lines, force_grouping=True)
    return BadRecordError(_("The file has more than %(lines)s lines; split it.") % {"lines": lines})


def read_json(text: str) -> Iterator[tuple[int, Any]]:
    """The values of JSON lines, or of one JSON list, whose first entry then has number 1."""
    if not text.lstrip().startswith("["):
        yield from read_jsonl(text)
        return
    try:
        entries = load_any_json(text, most_values=max(MAX_LIST_VALUES, len(text) // BYTES_PER_VALUE))
    except BadJSONError as bad:
        raise BadRecordError(
            _("The file begins like a JSON list but is not one: %(error)s.") % {"error": bad}
        ) from None
    yield from enumerate(entries, start=1)


def read_jsonl(text: str) -> Iterator[tuple[int, Any]]:
    # Not str.splitlines: it also splits at characters that JSON allows inside a string.
    lines = LINE_END.split(text) if text else []
    if lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            yield number, parse_json(line) if line.strip() else EmptyRecordError(_("the line is empty"))
        except BadRecordError as bad:
            yield number, bad


def parse_json(text: str) -> Any:
    """The JSON value of a text; whatever is wrong with it is a BadRecordError."""
    try:
        return load_any_json(text)
    except BadJSONError as bad:
        raise BadRecordError(str(bad)) from None


def read_csv(text: str) -> Iterator[tuple[int, Any]]:
    line = 1
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=find_delimiter(text), strict=True)
        first = next(rows, [])
        if len(first) > MAX_COLUMNS:
            raise BadRecordError(_("The first line names more than %d columns.") % MAX_COLUMNS)
        header = names_of_columns(first)
        check_header(header)
        line = rows.line_num + 1
        for row in rows:
            yield line, csv_record(header, row)
            line = rows.line_num + 1
    except csv.Error as error:
        raise BadRecordError(
            _("Not CSV: %(error)s, in the row that begins at line %(line)d.") % {"error": error, "line": line}
        ) from None


def find_delimiter(text: str) -> str:
    """What makes the most columns that are read of the first row; of several, what makes the most columns."""
    text = text[:MAX_HEADER]

    def columns_made(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        names = names_of_columns(next(rows, []))
        return len(set(COLUMNS) & set(names)), len(names)

    return max(",;\t", key=columns_made)


def names_of_columns(row: list[str]) -> list[str]:
    return [name.strip().lower() for name in row]


def check_header(header: list[str]) -> None:
    if not {"prompt", "question", "messages"} & set(header):
        raise BadRecordError(
            _("The first line must name the columns: prompt, question or messages is needed.")
        )
    if repeated := [name for name in COLUMNS if header.count(name) > 1]:
        raise BadRecordError(_("The column %(name)s is there twice.") % {"name": repeated[0]})


def csv_record(header: list[str], row: list[str]) -> Record | BadRecordError | EmptyRecordError:
    if not any(cell.strip() for cell in row):
        return EmptyRecordError(_("the line is empty"))
    if len(row) != len(header):
        return BadRecordError(
            _("%(fields)d fields, but the first line names %(columns)d; texts with a comma need quotes")
            % {"fields": len(row), "columns": len(header)}
        )
    return {name: cell for name, cell in zip(header, row, strict=True) if name in COLUMNS and cell.strip()}


RECORD_READERS = {
    "csv": read_csv,
    "tsv": read_csv,
    "json": read_json,
    "jsonl": read_json,
    "ndjson": read_json,
}


def read_text(text: str, name: str) -> str:
    """The text without outer white space and with plain line ends; empty if nothing of it can be seen."""
    if UNSTORABLE.search(text):
        raise BadRecordError(
            _("%(name)s has a NUL or half of a surrogate pair, which cannot be stored") % {"name": name}
        )
    return "" if is_blank(text) else text.replace("\r\n", "\n").replace("\r", "\n").strip()


def name_of_type(value: object) -> str:
    return "null" if value is None else str(TYPE_NAMES.get(type(value), gettext_lazy("a text")))
