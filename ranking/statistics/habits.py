"""Habits of a person that careful readers do not have: their times, their words, their part of all votes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .votes import Floats, Ids

FEWEST_TIMES = 20
READ_AT_MOST = 100.0
"""Letters a second: about 1,000 words a minute, four times what people read (Brysbaert 2019)."""
HALF = 0.5
EVEN = 0.1
"""The width of the middle half of somebody's times, as a part of their median, below which they are even."""
SAME_TEXTS, FEWEST_WORDS, FEWEST_SHARED_WORDS = 5, 5, 8
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
    long = [(words, text) for text in texts if (words := _words(text)).count(" ") >= FEWEST_WORDS - 1]
    counts = Counter(words for words, _text in long)
    if not counts or counts.most_common(1)[0][1] < SAME_TEXTS:
        return None
    ((most, count),) = counts.most_common(1)
    return next(text for words, text in long if words == most), count


@dataclass(frozen=True)
class Shared:
    """`times` a person wrote what `people` others wrote, too, in the same words; `text` is one of these."""

    text: str
    times: int
    people: int


def shared_texts(written: Mapping[int, Sequence[str]]) -> dict[int, Shared]:
    """By person, who wrote the same as others too often for chance, of what each person wrote."""
    writers: dict[str, set[int]] = defaultdict(set)
    for person, texts in written.items():
        for text in texts:
            if (words := _words(text)).count(" ") >= FEWEST_SHARED_WORDS - 1:
                writers[words].add(person)
    found = {}
    for person, texts in written.items():
        same = [text for text in texts if len(writers.get(_words(text), ())) > 1]
        if len(same) >= SAME_TEXTS:
            others = set().union(*(writers[_words(text)] for text in same)) - {person}
            found[person] = Shared(same[0], len(same), len(others))
    return found


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


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
