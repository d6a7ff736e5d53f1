"""Reads a corpus of topics: what people ask, and true and false statements that answer.

One JSON object per line, one line per topic:

    {"topic": "...", "language": "en", "questions": ["...", ...],
     "accurate": [{"text": "...", "source": "..."}, ...],
     "inaccurate": [{"text": "...", "kind": "myth" | "evasion" | "off-topic"}, ...]}

Every question belongs to exactly one topic; topics may share a statement, an evasion for example.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

CLIMATE = Path(__file__).with_name("climate.jsonl")
KINDS = ("myth", "evasion", "off-topic")
MAX_ERRORS = 20


class CorpusError(ValueError):
    """The corpus cannot be used; the message lists the faults by line number."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One answer. `source` is set when it is accurate, `kind` (see KINDS) when it is not."""

    text: str
    source: str | None = None
    kind: str | None = None

    @property
    def is_accurate(self) -> bool:
        return self.kind is None


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One row of the corpus."""

    topic: str
    language: str
    questions: tuple[str, ...]
    accurate: tuple[Statement, ...]
    inaccurate: tuple[Statement, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        return self.accurate + self.inaccurate


def load_corpus(path: Path) -> list[Topic]:
    """Read and check a corpus file.

    Raises CorpusError naming every faulty line (the first MAX_ERRORS of them), OSError when the file
    cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    topics, errors = [], []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            topic = parse_topic(line)
            _claim_texts(topic, number, seen)
        except CorpusError as error:
            errors.append(f"line {number}: {error}")
        else:
            topics.append(topic)
    if not topics and not errors:
        errors.append("the file holds no topics")
    if errors:
        more = [f"and {len(errors) - MAX_ERRORS} more"] if len(errors) > MAX_ERRORS else []
        raise CorpusError("\n".join([f"{path.name} is not a corpus", *errors[:MAX_ERRORS], *more]))
    return topics


def parse_topic(line: str) -> Topic:
    """Read one row; raises CorpusError saying what is wrong with it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise CorpusError("not a JSON object")
    return Topic(
        topic=_text(row, "topic"),
        language=_text(row, "language"),
        questions=tuple(_as_text(q, "a question") for q in _list(row, "questions")),
        accurate=tuple(
            Statement(text=_text(item, "text"), source=_text(item, "source"))
            for item in _objects(row, "accurate")
        ),
        inaccurate=tuple(
            Statement(text=_text(item, "text"), kind=_kind(item)) for item in _objects(row, "inaccurate")
        ),
    )


def without_questions(corpus: Sequence[Topic], questions: Collection[str]) -> list[Topic]:
    """The same corpus as if nobody had ever asked these questions."""
    excluded = {normalise(question) for question in questions}
    return [
        replace(topic, questions=tuple(q for q in topic.questions if normalise(q) not in excluded))
        for topic in corpus
    ]


def normalise(text: str) -> str:
    """Fold case and white space, so that two spellings of one text compare equal."""
    return " ".join(text.casefold().split())


def _claim_texts(topic: Topic, line: int, seen: dict[str, int]) -> None:
    """Refuse a topic or question that an earlier line has, and one row with the same text twice."""
    questions = {f"question {normalise(question)!r}" for question in topic.questions}
    statements = {normalise(statement.text) for statement in topic.statements}
    if len(questions) < len(topic.questions) or len(statements) < len(topic.statements):
        raise CorpusError("a question or a statement is repeated")
    for name in (f"topic {normalise(topic.topic)!r}", *sorted(questions)):
        if name in seen:
            raise CorpusError(f"{name} is already on line {seen[name]}")
        seen[name] = line


def _list(row: dict[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    if not isinstance(value, list) or not value:
        raise CorpusError(f"{key!r} must be a list with at least one entry")
    return value


def _objects(row: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    for item in _list(row, key):
        if not isinstance(item, dict):
            raise CorpusError(f"every entry of {key!r} must be an object")
        yield item


def _text(row: dict[str, Any], key: str) -> str:
    return _as_text(row.get(key), repr(key))


def _as_text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CorpusError(f"{name} must be a text that is not empty")
    # Lone surrogates cannot be written as UTF-8, and NUL ends a text in PostgreSQL.
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise CorpusError(f"{name} holds a character that cannot be stored")
    return value.strip()


def _kind(item: dict[str, Any]) -> str:
    kind = item.get("kind")
    if kind not in KINDS:
        raise CorpusError(f"'kind' must be one of {', '.join(KINDS)}")
    return str(kind)
