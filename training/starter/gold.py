"""Gold labels: how good an answer to a question of the corpus is, by the corpus alone.

A small model repeats the corpus nearly word for word, but mixes and breaks sentences. An answer has the
label of the statement nearest to it (Ratcliff-Obershelp similarity of their words), provided that the
statement belongs to the question's topic.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from operator import itemgetter

from training.starter.corpus import Topic, normalise

# From this similarity on an answer repeats a statement, and below the other it is a jumble of several.
CLEAN_FROM, GARBLED_BELOW = 0.9, 0.75
# Steps of utility are even, so that a volunteer's temperature means the same at each.
CLEAN, BROKEN, INACCURATE, GARBLED = 1.0, 0.5, 0.0, -0.5
# Scripts written without spaces are compared by character.
WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]|\w+")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgment of one answer.

    similarity   to the nearest statement, between 0 and 1
    on_topic     whether that statement belongs to the question's topic
    is_accurate  whether it is also accurate and repeated well enough, with its own numbers
    """

    similarity: float
    on_topic: bool
    is_accurate: bool

    @property
    def is_garbled(self) -> bool:
        return self.similarity < GARBLED_BELOW

    @property
    def utility(self) -> float:
        """How good the answer is: accurate and clean, accurate but broken, inaccurate or garbled."""
        if self.is_garbled:
            return GARBLED
        if not self.is_accurate:
            return INACCURATE
        return CLEAN if self.similarity >= CLEAN_FROM else BROKEN

    @property
    def grade(self) -> float:
        """An accurate answer beats one that is not, and everything else is a tie."""
        return float(self.is_accurate)


@dataclass(frozen=True)
class _Known:
    words: list[str]
    counts: Counter[str]
    topic: str
    is_accurate: bool


class GoldLabels:
    """Labels answers to the questions of one corpus."""

    margin = 1.0

    def __init__(self, corpus: Sequence[Topic]) -> None:
        self._topic_of = {
            normalise(question): topic.topic for topic in corpus for question in topic.questions
        }
        self._statements = [
            _Known(words, Counter(words), topic.topic, statement.is_accurate)
            for topic in corpus
            for statement in topic.statements
            for words in [_words(statement.text)]
        ]

    def label(self, question: str, answer: str) -> Verdict:
        """Label one answer. Raises KeyError when the corpus does not have the question."""
        topic = self._topic_of[normalise(question)]
        words = _words(answer)
        nearest, similarity = self._nearest(words, topic)
        on_topic = nearest.topic == topic
        return Verdict(
            similarity=similarity,
            on_topic=on_topic,
            is_accurate=on_topic
            and nearest.is_accurate
            and similarity >= GARBLED_BELOW
            and _numbers(words) <= _numbers(nearest.words),
        )

    def _nearest(self, words: list[str], topic: str) -> tuple[_Known, float]:
        """The statement most like the words; of equals, for topics may share one, that of the topic."""
        counts = Counter(words)

        def bound(known: _Known) -> tuple[float, bool]:
            shared = sum(min(n, known.counts[word]) for word, n in counts.items())
            return 2 * shared / max(1, len(words) + len(known.words)), known.topic == topic

        # The share of common words bounds the similarity from above and costs a hundredth of it.
        candidates = sorted(
            ((bound(known), known) for known in self._statements), key=itemgetter(0), reverse=True
        )
        matcher = SequenceMatcher(None, [], words, autojunk=False)
        best, nearest = (-1.0, False), candidates[0][1]
        for most, known in candidates:
            if most <= best:
                break
            matcher.set_seq1(known.words)
            found = matcher.ratio(), known.topic == topic
            if found > best:
                best, nearest = found, known
        return nearest, best[0]


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def _numbers(words: list[str]) -> set[str]:
    return {word for word in words if any(character.isdigit() for character in word)}
