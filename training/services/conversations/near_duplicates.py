"""Which prompts say nearly the same as a new one. No Django here."""

from collections.abc import Mapping
from typing import NamedTuple

from rapidfuzz import fuzz, process

NEAR = 85.0
"""Likeness in percent from which two texts are nearly the same."""
MOST = 3


class Near(NamedTuple):
    """A known text by its key, and how like it is, in percent."""

    key: int
    likeness: int


def near_duplicates(text: str, known: Mapping[int, str]) -> list[Near]:
    """The known texts, casefolded as they are stored, that are nearly the same, the most alike first.

    The order of words does not count: likeness is the normalised indel similarity of the sorted words.
    """
    found = process.extract(
        text.casefold(), known, scorer=fuzz.token_sort_ratio, score_cutoff=NEAR, limit=MOST
    )
    return [Near(key, round(score)) for _text, score, key in found]
