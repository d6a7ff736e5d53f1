"""Reading numbered records from CSV and JSONL files, and what is wrong with them; no database here."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.strict_json import BadJSONError, load_json
from annotator.text import UNSTORABLE

MAX_LINES = 100_000
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
        line = content.count(b"\n", 0, error.start) + 1
        raise BadRecordError(
            _("The file is not UTF-8 (see line %(line)d); save it as UTF-8.") % {"line": line}
        ) from None


def check_lines(text: str) -> None:
    # A line may leave a draft or a note, which take far more memory than it. CSV may end lines by \r.
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        lines = number_format(MAX_LINES, force_grouping=True)
        raise BadRecordError(_("The file has more than %(lines)s lines; split it.") % {"lines": lines})


def read_jsonl(text: str) -> Iterator[tuple[int, Any]]:
    # Not str.splitlines: it also splits at characters that JSON allows inside a string.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            yield number, parse_json(line) if line.strip() else EmptyRecordError(_("the line is empty"))
        except BadRecordError as bad:
            yield number, bad


def parse_json(text: str) -> Any:
    """The JSON value of a text; whatever is wrong with it is a BadRecordError."""
    try:
        return load_json(text)
    except BadJSONError as bad:
        raise BadRecordError(str(bad)) from None


def read_csv(text: str) -> Iterator[tuple[int, Any]]:
    header_line = text.partition("\n")[0]
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=header_line.count), strict=True
    )
    line = 1
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        check_header(header)
        line = rows.line_num + 1
        for row in rows:
            yield line, csv_record(header, row)
            line = rows.line_num + 1
    except csv.Error as error:
        raise BadRecordError(
            _("Not CSV: %(error)s, in the row that begins at line %(line)d.") % {"error": error, "line": line}
        ) from None


def check_header(header: list[str]) -> None:
    if not {"prompt", "question", "messages"} & set(header):
        raise BadRecordError(
            _("The first line must name the columns: prompt, question or messages is needed.")
        )
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadRecordError(_("The column %(name)s is there twice.") % {"name": repeated[0][:40]})


def csv_record(header: list[str], row: list[str]) -> Record | BadRecordError | EmptyRecordError:
    if not any(cell.strip() for cell in row):
        return EmptyRecordError(_("the line is empty"))
    if len(row) != len(header):
        return BadRecordError(
            _("%(fields)d fields, but the first line names %(columns)d; texts with a comma need quotes")
            % {"fields": len(row), "columns": len(header)}
        )
    record: Record = {name: cell for name, cell in zip(header, row, strict=True) if cell.strip()}
    try:
        if "messages" in record:
            record["messages"] = parse_json(record["messages"])
    except BadRecordError as bad:
        return BadRecordError(f"messages: {bad}")
    return record


RECORD_READERS = {"csv": read_csv, "tsv": read_csv, "jsonl": read_jsonl, "ndjson": read_jsonl}


def read_text(text: str, name: str) -> str:
    """The text without outer white space and with plain line ends."""
    if UNSTORABLE.search(text):
        raise BadRecordError(
            _("%(name)s has a NUL or half of a surrogate pair, which cannot be stored") % {"name": name}
        )
    return text.replace("\r\n", "\n").strip()


def name_of_type(value: object) -> str:
    return "null" if value is None else str(TYPE_NAMES.get(type(value), gettext_lazy("a text")))
