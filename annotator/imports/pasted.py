"""Reading prompts from a text that somebody wrote or pasted into a page; no database here."""

import enum
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from annotator.imports.file_formats import LINE_END, ON_A_PAGE, BadRecordError, FileLimits, check_lines
from annotator.imports.prompt_files import PromptFile, refused, take_records
from annotator.text.storable import is_blank

Piece = tuple[int, str]


class Layout(enum.StrEnum):
    """What is one prompt of a text."""

    LINES = "lines"
    BLOCKS = "blocks"
    WHOLE = "whole"


def read_pasted(
    text: str, layout: Layout, *, language: str, source: str, tags: str = "", limits: FileLimits = ON_A_PAGE
) -> PromptFile:
    """Read every prompt of a text by the rules of a file's texts; problems are listed, never raised.

    A block is named by its first line; blank lines only separate.
    """
    try:
        check_lines(text, limits)
    except BadRecordError as bad:
        return refused(str(bad))
    common = {"language": language, "source": source, "tags": tags}
    records: list[tuple[int, Any]] = [
        (line, {"prompt": piece} | common) for line, piece in PIECES[layout](text)
    ]
    result = take_records(records)
    if not result.drafts and not result.errors:
        return refused(_("There is no prompt in this text."))
    return result


def _lines(text: str) -> Iterator[Piece]:
    for number, line in enumerate(LINE_END.split(text), start=1):
        if not is_blank(line):
            yield number, line


def _blocks(text: str) -> Iterator[Piece]:
    lines = enumerate(LINE_END.split(text), start=1)
    for blank, group in groupby(lines, key=lambda line: is_blank(line[1])):
        if not blank:
            block = list(group)
            yield block[0][0], "\n".join(line for _number, line in block)


def _whole(text: str) -> Iterator[Piece]:
    yield 0, text


PIECES = {Layout.LINES: _lines, Layout.BLOCKS: _blocks, Layout.WHOLE: _whole}
