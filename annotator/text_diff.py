"""What changed from one text to another, for people to read; no Django here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MARKS = re.compile(r"^[#>\s]+|[*`]")
"""Markdown's marks, which nobody is to read here."""
ALIKE = 0.6
"""A line is shown as one that was changed when so much of the shorter version of it stayed, else as two."""


@dataclass(frozen=True)
class Piece:
    """Some words of a line."""

    kind: Literal["same", "added", "removed"]
    text: str


Line = list[Piece]


def changed_lines(before: str, after: str) -> list[Line]:
    """The lines that were added, removed or changed, in their order; those that stayed are left out."""
    old, new = _lines(before), _lines(after)
    found: list[Line] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            found += _block(old[a:b], new[c:d])
    return found


def _lines(text: str) -> list[str]:
    return [line for each in text.splitlines() if (line := MARKS.sub("", each).rstrip())]


def _block(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """Lines in the place of others: each beside the one it took the place of, if they are alike."""
    paired = min(len(old), len(new))
    for was, now in zip(old[:paired], new[:paired], strict=True):
        words = WORD.findall(was), WORD.findall(now)
        matcher = SequenceMatcher(None, *words)
        stayed = sum(block.size for block in matcher.get_matching_blocks())
        if stayed < ALIKE * min(map(len, words)):
            yield [Piece("removed", was)]
            yield [Piece("added", now)]
        else:
            yield list(_words(*words, matcher))
    yield from ([Piece("removed", was)] for was in old[paired:])
    yield from ([Piece("added", now)] for now in new[paired:])


def _words(was: list[str], now: list[str], matcher: SequenceMatcher[str]) -> Iterator[Piece]:
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(was[a:b]))
            continue
        if a < b:
            yield Piece("removed", "".join(was[a:b]))
        if c < d:
            yield Piece("added", "".join(now[c:d]))
