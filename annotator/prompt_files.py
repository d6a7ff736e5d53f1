"""Reading prompts from CSV and JSONL files; no database here.

A line is *skipped* when there is nothing in it to take (it is empty), and an *error* when there is
something that cannot be taken as it is written. Whoever stores the drafts takes none of a file with
an error in it.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.strict_json import BadJSONError, load_json
from annotator.text import UNSTORABLE

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_LINES = 100_000
MAX_CHARACTERS = 20_000
MAX_MESSAGES = 100
MAX_SOURCE = 200
DEFAULT_LANGUAGE = "en"
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
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
class PromptDraft:
    """A conversation ready to be stored, and the line of the file it came from."""

    messages: list[dict[str, str]]
    language: str = DEFAULT_LANGUAGE
    source: str = ""
    line: int = 0


@dataclass(frozen=True)
class LineNote:
    """What happened to one line; line 0 is the file as a whole."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


@dataclass
class PromptFile:
    """What a file holds."""

    drafts: list[PromptDraft] = field(default_factory=list)
    skipped: list[LineNote] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)


def read_prompt_file(content: bytes, filename: str) -> PromptFile:
    """Read every line of a .csv, .tsv or .jsonl file; problems are listed, never raised."""
    read_records = RECORD_READERS.get(filename.lower().rpartition(".")[2])
    if read_records is None:
        return refused(_("Chorus reads .csv, .tsv and .jsonl files; this file's name ends in none of these."))
    if len(content) > MAX_FILE_BYTES:
        return refused(
            _("The file is larger than %(size)d MiB; split it.") % {"size": MAX_FILE_BYTES // 1024**2}
        )
    try:
        text = decode(content)
        check_lines(text)
        result = take_records(read_records(text))
    except BadRecordError as bad:
        return refused(str(bad))
    if not result.drafts and not result.errors:
        result.errors.append(LineNote(0, _("There is no prompt in this file.")))
    return result


def take_records(records: Iterable[tuple[int, Any]]) -> PromptFile:
    """The drafts in numbered records; a record that cannot be taken is listed, never raised."""
    result = PromptFile()
    for line, record in records:
        try:
            if isinstance(record, BadRecordError | EmptyRecordError):
                raise record
            result.drafts.append(draft_from_record(record, line=line))
        except EmptyRecordError as empty:
            result.skipped.append(LineNote(line, str(empty)))
        except BadRecordError as bad:
            result.errors.append(LineNote(line, str(bad)))
    return result


def refused(reason: str) -> PromptFile:
    return PromptFile(errors=[LineNote(0, reason)])


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


def draft_from_record(record: object, *, line: int = 0) -> PromptDraft:
    """The prompt that a JSON object or a CSV row describes; raises BadRecordError or EmptyRecordError."""
    if not isinstance(record, dict):
        raise BadRecordError(_("expected an object, not %(type)s") % {"type": name_of_type(record)})
    given = [key for key in ("prompt", "question", "messages") if record.get(key) is not None]
    if not given:
        raise EmptyRecordError(_("there is no prompt in it"))
    if len(given) > 1:
        raise BadRecordError(
            _("both %(first)s and %(second)s are given; give one") % {"first": given[0], "second": given[1]}
        )
    return PromptDraft(
        messages=read_messages(record[given[0]], given[0]),
        language=read_language(record.get("language")),
        source=read_source(record.get("source")),
        line=line,
    )


def read_messages(value: object, key: str) -> list[dict[str, str]]:
    """A conversation from one text or from a list of messages that ends with the user's."""
    if isinstance(value, str) and key != "messages":
        content = read_text(value, key)
        if not content:
            raise EmptyRecordError(_("the %(name)s is empty") % {"name": key})
        value = [{"role": "user", "content": content}]
    if not isinstance(value, list):
        words = (
            _("%(name)s must be a list of messages, not %(type)s")
            if key == "messages"
            else _("%(name)s must be a text or a list of messages, not %(type)s")
        )
        raise BadRecordError(words % {"name": key, "type": name_of_type(value)})
    if not 1 <= len(value) <= MAX_MESSAGES:
        raise BadRecordError(
            _("%(count)d messages; there must be 1 to %(most)d") % {"count": len(value), "most": MAX_MESSAGES}
        )
    messages = [read_message(message, number) for number, message in enumerate(value, start=1)]
    if messages[-1]["role"] != "user":
        raise BadRecordError(_("the last message must be the user's"))
    characters = sum(len(message["content"]) for message in messages)
    if characters > MAX_CHARACTERS:
        raise BadRecordError(
            _("%(count)d characters; at most %(most)d are allowed")
            % {"count": characters, "most": MAX_CHARACTERS}
        )
    return messages


def read_message(message: object, number: int) -> dict[str, str]:
    if not isinstance(message, dict):
        raise BadRecordError(
            _("message %(number)d must be an object, not %(type)s")
            % {"number": number, "type": name_of_type(message)}
        )
    role, expected = message.get("role"), ("user", "assistant")[(number - 1) % 2]
    if role == "system":
        raise BadRecordError(
            _("message %(number)d is a system message; that belongs in the project's settings")
            % {"number": number}
        )
    if role not in ("user", "assistant"):
        raise BadRecordError(
            _("the role of message %(number)d must be user or assistant") % {"number": number}
        )
    if role != expected:
        words = (
            _("message %(number)d must be the user's: user and assistant take turns, user first")
            if expected == "user"
            else _("message %(number)d must be the assistant's: user and assistant take turns, user first")
        )
        raise BadRecordError(words % {"number": number})
    content = message.get("content")
    if not isinstance(content, str):
        raise BadRecordError(
            _("the content of message %(number)d must be a text, not %(type)s")
            % {"number": number, "type": name_of_type(content)}
        )
    if not (text := read_text(content, _("message %(number)d") % {"number": number})):
        raise BadRecordError(_("message %(number)d is empty") % {"number": number})
    return {"role": role, "content": text}


def read_text(text: str, name: str) -> str:
    """The text without outer white space and with plain line ends."""
    if UNSTORABLE.search(text):
        raise BadRecordError(
            _("%(name)s has a NUL or half of a surrogate pair, which cannot be stored") % {"name": name}
        )
    return text.replace("\r\n", "\n").strip()


def read_language(value: object) -> str:
    if value is None or value == "":
        return DEFAULT_LANGUAGE
    if not isinstance(value, str) or not LANGUAGE_TAG.fullmatch(value.strip()):
        raise BadRecordError(_("language must be a language tag, such as en or pt-BR"))
    return value.strip()


def read_source(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecordError(_("source must be a text, not %(type)s") % {"type": name_of_type(value)})
    source = read_text(value, "source")
    if len(source) > MAX_SOURCE:
        raise BadRecordError(
            _("source has %(count)d characters; at most %(most)d are allowed")
            % {"count": len(source), "most": MAX_SOURCE}
        )
    return source


def name_of_type(value: object) -> str:
    return "null" if value is None else str(TYPE_NAMES.get(type(value), gettext_lazy("a text")))
