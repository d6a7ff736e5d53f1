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

from annotator.strict_json import BadJSONError, load_json
from annotator.text import UNSTORABLE

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_LINES = 100_000
MAX_CHARACTERS = 20_000
MAX_MESSAGES = 100
MAX_SOURCE = 200
DEFAULT_LANGUAGE = "en"
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
TYPE_NAMES = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}

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
        return refused("Chorus reads .csv, .tsv and .jsonl files; this file's name ends in none of these.")
    if len(content) > MAX_FILE_BYTES:
        return refused(f"The file is larger than {MAX_FILE_BYTES // 1024**2} MiB; split it.")
    try:
        text = decode(content)
        check_lines(text)
        result = take_records(read_records(text))
    except BadRecordError as bad:
        return refused(str(bad))
    if not result.drafts and not result.errors:
        result.errors.append(LineNote(0, "There is no prompt in this file."))
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
        raise BadRecordError(f"The file is not UTF-8 (see line {line}); save it as UTF-8.") from None


def check_lines(text: str) -> None:
    # A line may leave a draft or a note, which take far more memory than it. CSV may end lines by \r.
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        raise BadRecordError(f"The file has more than {MAX_LINES:,} lines; split it.")


def read_jsonl(text: str) -> Iterator[tuple[int, Any]]:
    # Not str.splitlines: it also splits at characters that JSON allows inside a string.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            yield number, parse_json(line) if line.strip() else EmptyRecordError("the line is empty")
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
        raise BadRecordError(f"Not CSV: {error}, in the row that begins at line {line}.") from None


def check_header(header: list[str]) -> None:
    if not {"prompt", "question", "messages"} & set(header):
        raise BadRecordError("The first line must name the columns: prompt, question or messages is needed.")
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadRecordError(f"The column {repeated[0][:40]} is there twice.")


def csv_record(header: list[str], row: list[str]) -> Record | BadRecordError | EmptyRecordError:
    if not any(cell.strip() for cell in row):
        return EmptyRecordError("the line is empty")
    if len(row) != len(header):
        counts = f"{len(row)} fields, but the first line names {len(header)}"
        return BadRecordError(f"{counts}; texts with a comma need quotes")
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
        raise BadRecordError(f"expected an object, not {name_of_type(record)}")
    given = [key for key in ("prompt", "question", "messages") if record.get(key) is not None]
    if not given:
        raise EmptyRecordError("there is no prompt in it")
    if len(given) > 1:
        raise BadRecordError(f"both {given[0]} and {given[1]} are given; give one")
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
            raise EmptyRecordError(f"the {key} is empty")
        value = [{"role": "user", "content": content}]
    if not isinstance(value, list):
        expected = "a list of messages" if key == "messages" else "a text or a list of messages"
        raise BadRecordError(f"{key} must be {expected}, not {name_of_type(value)}")
    if not 1 <= len(value) <= MAX_MESSAGES:
        raise BadRecordError(f"{len(value)} messages; there must be 1 to {MAX_MESSAGES}")
    messages = [read_message(message, number) for number, message in enumerate(value, start=1)]
    if messages[-1]["role"] != "user":
        raise BadRecordError("the last message must be the user's")
    characters = sum(len(message["content"]) for message in messages)
    if characters > MAX_CHARACTERS:
        raise BadRecordError(f"{characters} characters; at most {MAX_CHARACTERS} are allowed")
    return messages


def read_message(message: object, number: int) -> dict[str, str]:
    if not isinstance(message, dict):
        raise BadRecordError(f"message {number} must be an object, not {name_of_type(message)}")
    role, expected = message.get("role"), ("user", "assistant")[(number - 1) % 2]
    if role == "system":
        raise BadRecordError(f"message {number} is a system message; that belongs in the project's settings")
    if role not in ("user", "assistant"):
        raise BadRecordError(f"the role of message {number} must be user or assistant")
    if role != expected:
        raise BadRecordError(
            f"message {number} must be the {expected}'s: user and assistant take turns, user first"
        )
    content = message.get("content")
    if not isinstance(content, str):
        raise BadRecordError(f"the content of message {number} must be a text, not {name_of_type(content)}")
    if not (text := read_text(content, f"message {number}")):
        raise BadRecordError(f"message {number} is empty")
    return {"role": role, "content": text}


def read_text(text: str, name: str) -> str:
    """The text without outer white space and with plain line ends."""
    if UNSTORABLE.search(text):
        raise BadRecordError(f"{name} has a NUL or half of a surrogate pair, which cannot be stored")
    return text.replace("\r\n", "\n").strip()


def read_language(value: object) -> str:
    if value is None or value == "":
        return DEFAULT_LANGUAGE
    if not isinstance(value, str) or not LANGUAGE_TAG.fullmatch(value.strip()):
        raise BadRecordError("language must be a language tag, such as en or pt-BR")
    return value.strip()


def read_source(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecordError(f"source must be a text, not {name_of_type(value)}")
    source = read_text(value, "source")
    if len(source) > MAX_SOURCE:
        raise BadRecordError(f"source has {len(source)} characters; at most {MAX_SOURCE} are allowed")
    return source


def name_of_type(value: object) -> str:
    return "null" if value is None else TYPE_NAMES.get(type(value), "a text")
