"""Reads practice comparisons from a JSONL file or a form; no database here.

One JSON object a line:

| field              | is                                                                        |
|--------------------|---------------------------------------------------------------------------|
| prompt or messages | as in a file of prompts                                                   |
| language           | language tag (en)                                                         |
| answers            | texts, as many as a comparison may have (`annotator.limits`)              |
| ranks              | the right rank of each, from 1 (best); equal numbers are ties             |
| why                | shown to people after they have ranked, in a sentence or two              |
"""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from annotator.imports.file_formats import (
    ON_A_PAGE,
    BadRecordError,
    EmptyRecordError,
    LineNote,
    check_lines,
    decode,
    name_of_type,
    read_jsonl,
    read_text,
)
from annotator.imports.prompt_files import draft_from_record
from annotator.limits import FEWEST_ANSWERS, MOST_ANSWERS

from .statistics.pairs import dense_ranks

MAX_FILE_BYTES = 1024 * 1024
MAX_CHARACTERS = 10_000
MOST = 200


@dataclass(frozen=True)
class PracticeDraft:
    """A practice comparison ready to be stored."""

    messages: list[dict[str, str]]
    language: str
    answers: list[str]
    ranks: list[int]
    why: str


@dataclass
class PracticeFile:
    """The content of a file; with errors, none of it may be stored."""

    drafts: list[PracticeDraft] = field(default_factory=list)
    errors: list[LineNote] = field(default_factory=list)


def read_practice_file(content: bytes) -> PracticeFile:
    """Read every line of a JSONL file; problems are listed, never raised."""
    result = PracticeFile()
    try:
        if len(content) > MAX_FILE_BYTES:
            raise BadRecordError(_("The file is larger than 1 MiB."))
        text = decode(content)
        check_lines(text, ON_A_PAGE)
    except BadRecordError as bad:
        return PracticeFile(errors=[LineNote(0, str(bad))])
    for line, record in read_jsonl(text):
        try:
            if isinstance(record, BadRecordError):
                raise record
            if not isinstance(record, EmptyRecordError):
                result.drafts.append(practice_from_record(record))
        except (BadRecordError, EmptyRecordError) as bad:
            result.errors.append(LineNote(line, str(bad)))
    if len(result.drafts) > MOST:
        result.errors.append(LineNote(0, _("At most %d comparisons fit a practice.") % MOST))
    if not result.drafts and not result.errors:
        result.errors.append(LineNote(0, _("There is nothing in this file.")))
    return result


def practice_from_record(record: object) -> PracticeDraft:
    """The comparison that an object describes; raises BadRecordError or EmptyRecordError."""
    prompt = draft_from_record(record)
    assert isinstance(record, dict)
    answers = _answers(record.get("answers"))
    return PracticeDraft(
        messages=prompt.messages,
        language=prompt.language,
        answers=answers,
        ranks=_ranks(record.get("ranks"), len(answers)),
        why=_why(record.get("why")),
    )


def _answers(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadRecordError(_("answers must be a list of texts, not %s") % name_of_type(value))
    answers = [read_text(one, _("an answer")) for one in value]
    if not FEWEST_ANSWERS <= len(answers) <= MOST_ANSWERS or not all(answers):
        raise BadRecordError(
            _("there must be %(fewest)d to %(most)d answers, none of them empty")
            % {"fewest": FEWEST_ANSWERS, "most": MOST_ANSWERS}
        )
    if len(set(answers)) < len(answers):
        raise BadRecordError(_("two answers are the same"))
    if sum(map(len, answers)) > MAX_CHARACTERS:
        raise BadRecordError(_("the answers have more than %d characters") % MAX_CHARACTERS)
    return answers


def _ranks(value: Any, count: int) -> list[int]:
    if not isinstance(value, list) or len(value) != count:
        raise BadRecordError(_("ranks must be a list with a number for each answer"))
    for rank in value:
        if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= count:
            raise BadRecordError(_("ranks are whole numbers from 1 to %d") % count)
    if count > 2 and len(set(value)) == 1:
        raise BadRecordError(_("of more than two answers, one must be better than another"))
    return list(dense_ranks(dict(enumerate(value))).values())


def _why(value: object) -> str:
    why = read_text(value, "why") if isinstance(value, str) else ""
    if not why or len(why) > MAX_CHARACTERS:
        raise BadRecordError(_("why must say, in a sentence or two, why this is the right order"))
    return why
