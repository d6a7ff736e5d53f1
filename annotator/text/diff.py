"""What changed from one text to another, for people to read; no Django here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MARKS = re.compile(r"^[#>\s]+|[*`]")
"""Markdown's marks, which nobody is to read here."""
ALIKE = 0.6
"""A line is shown as one that was changed when so much of the shorter version of it stayed, else as two."""
MOST = 600
"""Lines, or words of a line, that are compared each with each, which can take n³ steps."""


@dataclass(frozen=True)
class Piece:
    """Some words of a line."""

    kind: Literal["same", "added", "removed"]
    text: str


Line = list[Piece]
Opcode = tuple[str, int, int, int, int]
"""As difflib's: (kind, from, to, from, to)."""


def changed_lines(before: str, after: str) -> list[Line]:
    """The lines that were added, removed or changed, in their order; those that stayed are left out."""
    old, new = _lines(before), _lines(after)
    found: list[Line] = []
    for kind, a, b, c, d in _changes(old, new):
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
        changes = _changes(*words)
        stayed = sum(b - a for kind, a, b, _c, _d in changes if kind == "equal")
        if stayed < ALIKE * min(map(len, words)):
            yield [Piece("removed", was)]
            yield [Piece("added", now)]
        else:
            yield list(_words(*words, changes))
    yield from ([Piece("removed", was)] for was in old[paired:])
    yield from ([Piece("added", now)] for now in new[paired:])


def _words(was: list[str], now: list[str], changes: list[Opcode]) -> Iterator[Piece]:
    for kind, a, b, c, d in changes:
        if kind == "equal":
            yield Piece("same", "".join(was[a:b]))
            continue
        if a < b:
            yield Piece("removed", "".join(was[a:b]))
        if c < d:
            yield Piece("added", "".join(now[c:d]))


def _changes(old: list[str], new: list[str]) -> list[Opcode]:
    """What became of the old ones; of long lists, all between the first and the last change is different."""
    if max(len(old), len(new)) <= MOST:
        return list(SequenceMatcher(None, old, new).get_opcodes())
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(before), len(after)) <= MOST:
        within = SequenceMatcher(None, before, after).get_opcodes()
    else:
        within = [("replace", 0, len(before), 0, len(after))]
    middle = [(kind, head + a, head + b, head + c, head + d) for kind, a, b, c, d in within]
    ends = ("equal", len(old) - tail, len(old), len(new) - tail, len(new))
    return [("equal", 0, head, 0, head), *middle, ends]


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many they begin with alike."""
    pairs = zip(old, new, strict=False)
    return sum(1 for _pair in takewhile(lambda pair: pair[0] == pair[1], pairs))
