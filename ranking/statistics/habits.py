"""Habits of a person that careful readers do not have: their times, their words, their part of all votes."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .votes import Floats, Ids

FEWEST_TIMES = 20
READ_AT_MOST = 100.0
"""Letters a second: about 1,000 words a minute, four times what people read (Brysbaert 2019)."""
HALF = 0.5
EVEN = 0.1
"""The width of the middle half of somebody's times, as a part of their median, below which they are even."""
SAME_TEXTS, FEWEST_WORDS = 5, 5
MOST_OF_VERSION, FEWEST_OF_VERSION, FEWEST_PEOPLE = 1 / 3, 60, 5
"""The largest share of a version's votes for one person, where it has so many votes, by so many people."""


@dataclass(frozen=True)
class Times:
    """How many of the judgments were `hasty`; the quartiles of their seconds."""

    judgments: int
    hasty: int
    low: float
    median: float
    high: float

    @property
    def are_hasty(self) -> bool:
        """Whether most were quicker than anybody reads."""
        return self.judgments >= FEWEST_TIMES and self.hasty > HALF * self.judgments

    @property
    def are_even(self) -> bool:
        """Whether all take about as long, though what was to be read differs."""
        return self.judgments >= FEWEST_TIMES and self.high - self.low < EVEN * self.median


def times_of(seconds: Floats, letters: Ids) -> Times:
    """Of N judgments, how long each took and how many letters its answers have."""
    low, median, high = np.percentile(seconds, (25, 50, 75)).tolist() if len(seconds) else (0.0, 0.0, 0.0)
    return Times(len(seconds), int((letters > READ_AT_MOST * seconds).sum()), low, median, high)


def repeated_text(texts: Iterable[str]) -> tuple[str, int] | None:
    """The text that was written most often, and how often, if that is too often; only words count.

    Short ones, which many people would write, are left out.
    """
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in texts:
        words = re.findall(r"\w+", text.casefold())
        if len(words) >= FEWEST_WORDS:
            key = " ".join(words)
            counts[key] += 1
            first.setdefault(key, text)
    if not counts:
        return None
    key, count = counts.most_common(1)[0]
    return (first[key], count) if count >= SAME_TEXTS else None


@dataclass(frozen=True)
class Part:
    """So many of all votes on an item are one person's."""

    item: int
    person: int
    own: int
    votes: int


def large_parts(item: Ids, person: Ids) -> list[Part]:
    """Who gave more of an item's votes than one person should; columns of N votes with ids.

    Where few people vote nobody can help it.
    """
    found: list[Part] = []
    for one in np.unique(item).tolist():
        people, counts = np.unique(person[item == one], return_counts=True)
        if len(people) >= FEWEST_PEOPLE and (total := int(counts.sum())) >= FEWEST_OF_VERSION:
            large = counts > MOST_OF_VERSION * total
            found += [Part(one, *own, total) for own in _pairs(people[large], counts[large])]
    return found


def _pairs(people: Ids, counts: Ids) -> Sequence[tuple[int, int]]:
    return list(zip(people.tolist(), counts.tolist(), strict=True))
