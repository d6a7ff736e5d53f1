"""Reading prompts from CSV, JSON and JSONL files; no database here.

A line is *skipped* when there is nothing in it to take (it is empty), and an *error* when there is
something that cannot be taken as it is written. Whoever stores the drafts takes none of a file with
an error in it, unless asked to leave the wrong lines out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from annotator.imports.conversations import conversation_in
from annotator.imports.file_formats import (
    BY_A_COMMAND,
    RECORD_READERS,
    BadRecordError,
    EmptyRecordError,
    FileLimits,
    LineNote,
    check_lines,
    decode,
    name_of_type,
    read_text,
    too_many_lines,
)
from annotator.imports.tags import read_tags

MAX_CHARACTERS = 20_000
MAX_WRITTEN_OUT = 200_000
"""Characters of a text that writes out a conversation, where escapes and roles are added."""
MAX_MESSAGES = 100
MAX_SOURCE = 200
MAX_LANGUAGE = 35
DEFAULT_LANGUAGE = "en"
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")


@dataclass(frozen=True)
class PromptDraft:
    """A conversation ready to be stored, and the line of the file it came from."""

    messages: list[dict[str, str]]
    language: str = DEFAULT_LANGUAGE
    source: str = ""
    tags: tuple[str, ...] = ()
    line: int = 0


@dataclass
class PromptFile:
    """What a file holds."""

    drafts: list[PromptDraft] = field(default_factory=list)
    skipped: list[LineNote] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)


def read_prompt_file(content: bytes, filename: str, limits: FileLimits = BY_A_COMMAND) -> PromptFile:
    """Read every line of a .csv, .tsv, .json or .jsonl file; problems are listed, never raised."""
    read_records = RECORD_READERS.get(filename.lower().rpartition(".")[2])
    if read_records is None:
        return refused(
            _("Chorus reads .csv, .tsv, .json and .jsonl files; this file's name ends in none of these.")
        )
    if len(content) > limits.bytes:
        return refused(
            _("The file is larger than %(size)d MiB; split it.") % {"size": limits.bytes // 1024**2}
        )
    try:
        text = decode(content)
        check_lines(text, limits)
        result = take_records(up_to(limits, read_records(text)))
    except BadRecordError as bad:
        return refused(str(bad))
    if not result.drafts and not result.errors:
        result.errors.append(LineNote(0, _("There is no prompt in this file.")))
    return result


def up_to(limits: FileLimits, records: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The records, of which one list may have many on a line."""
    for number, record in records:
        if number > limits.lines:
            raise too_many_lines(limits)
        yield number, record


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
        tags=read_tags(record.get("tags")),
        line=line,
    )


def read_messages(value: object, key: str) -> list[dict[str, str]]:
    """A conversation from one text or from a list of messages that ends with the user's.

    It may begin with a system message. A text that writes out a conversation becomes its messages; a list's
    contents are taken as they are.
    """
    if isinstance(value, str):
        value = messages_in_text(value, key)
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
    check_turns(messages)
    characters = sum(len(message["content"]) for message in messages)
    if characters > MAX_CHARACTERS:
        raise too_many_characters(characters)
    return messages


def too_many_characters(count: int) -> BadRecordError:
    return BadRecordError(
        _("%(count)d characters; at most %(most)d are allowed") % {"count": count, "most": MAX_CHARACTERS}
    )


def messages_in_text(text: str, key: str) -> object:
    if len(text) > MAX_WRITTEN_OUT:
        raise too_many_characters(len(text))
    content = read_text(text, key)
    if not content:
        raise EmptyRecordError(_("the %(name)s is empty") % {"name": key})
    messages = conversation_in(content)
    if messages is None and key != "messages":
        messages = [{"role": "user", "content": content}]
    return messages if messages is not None else content


def read_message(message: object, number: int) -> dict[str, str]:
    if not isinstance(message, dict):
        raise BadRecordError(
            _("message %(number)d must be an object, not %(type)s")
            % {"number": number, "type": name_of_type(message)}
        )
    role, content = message.get("role"), message.get("content")
    if role not in ("system", "user", "assistant"):
        raise BadRecordError(
            _("the role of message %(number)d must be user or assistant") % {"number": number}
        )
    if not isinstance(content, str):
        raise BadRecordError(
            _("the content of message %(number)d must be a text, not %(type)s")
            % {"number": number, "type": name_of_type(content)}
        )
    if not (text := read_text(content, _("message %(number)d") % {"number": number})):
        raise BadRecordError(_("message %(number)d is empty") % {"number": number})
    return {"role": role, "content": text}


def check_turns(messages: list[dict[str, str]]) -> None:
    """Refuse all but: a system message, if any, then the user and the assistant in turns, the user last."""
    start = 1 if messages[0]["role"] == "system" else 0
    for place, message in enumerate(messages[start:]):
        number = start + place + 1
        if message["role"] == "system":
            raise BadRecordError(
                _("message %(number)d is a system message, which only the first one may be")
                % {"number": number}
            )
        if message["role"] == "user" and place % 2:
            words = _("message %(number)d must be the assistant's: user and assistant take turns, user first")
            raise BadRecordError(words % {"number": number})
        if message["role"] == "assistant" and not place % 2:
            words = _("message %(number)d must be the user's: user and assistant take turns, user first")
            raise BadRecordError(words % {"number": number})
    if messages[-1]["role"] != "user":
        raise BadRecordError(_("the last message must be the user's"))


def read_language(value: object) -> str:
    if value is None or value == "":
        return DEFAULT_LANGUAGE
    # Some programs write pt_BR for pt-BR.
    tag = value.strip().replace("_", "-") if isinstance(value, str) else ""
    if not LANGUAGE_TAG.fullmatch(tag):
        raise BadRecordError(_("language must be a language tag, such as en or pt-BR"))
    return tag


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
