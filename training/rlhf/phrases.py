"""Lists of phrases, and whether a text holds one of them as whole words."""

import re
from functools import cache
from pathlib import Path

MATERIAL = Path(__file__).parent / "material"
# A refusal comes first; later on the same words may be a quotation.
_OPENING = 200


class Phrases:
    """The phrases of a file, one a line; lines that begin with # are remarks.

    Case, width of spaces and the shape of apostrophes do not matter; a phrase counts only between the ends of
    words, so that `arsenic` is not found in `arsenical`. The files here are English: in other languages they
    find nothing.
    """

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        phrases = [_plain(line) for line in lines if line.strip() and not line.startswith("#")]
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)")

    def found_in(self, text: str) -> bool:
        return self._pattern.search(_plain(text)) is not None


def refuses(text: str) -> bool:
    """Whether an answer declines in its first words, by the phrases of material/refusals.txt."""
    return _refusals().found_in(text[:_OPENING])


@cache
def _refusals() -> Phrases:
    return Phrases(MATERIAL / "refusals.txt")


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
