"""What simulated volunteers of the demonstration prefer, written so that anybody can read and change it.

    utility = 0.4 complete + 0.2 short + 0.2 plain + 0.4 on topic + 0.6 sounds accurate

Each part lies between 0 and 1:

    complete         1 for an answer that ends as a sentence does, 0 for one that breaks off
    short            1 for one to three sentences, half a point less for each more; times 0 for six words in
                     all, which say what but not why, to 1 from eighteen words on
    plain            Flesch's reading ease (1948): 0 at 30 (college), 1 at 90 (fifth grade)
    on_topic         cosine with the nearest of the topic's accurate statements and myths: 0 at .3, 1 at .7
    sounds_accurate  a logistic regression of the corpus's accurate statements against its inaccurate ones

The last two look at a small sentence encoder's vectors. How near an answer is to accurate statements does not
tell whether it is true: a statement of the corpus is nearer to one of its own kind, accurate or myth, than to
one of the other in 54 % of cases, where chance is 50 %. The regression sees something. With whole topics left
out, it puts an accurate statement above a myth in 79 % of pairs, above an evasion in 95 %, above an answer to
another question in 98 %. Of a model's answers it sees nonsense and evasion, and few falsehoods that are well
put: "No, climate change does not cause heavier rain" sounds accurate to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.starter.corpus import Topic, normalise

Vectors = NDArray[np.float32]
WEIGHTS = {"complete": 0.4, "short": 0.2, "plain": 0.2, "on_topic": 0.4, "sounds_accurate": 0.6}
MOST_SENTENCES = 3
FEWEST_WORDS, ENOUGH_WORDS = 6, 18
INVERSE_PENALTY = 3.0
"""Of the regression; from 0.3 to 30 it sees nearly the same."""
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SYLLABLE = re.compile(r"[aeiouy]+")
_END = re.compile(r"[.!?…][\"'”’)*]*$")


class Encoder(Protocol):
    def __call__(self, texts: Sequence[str]) -> Vectors:
        """One vector of length 1 for each text."""
        ...


@dataclass(frozen=True, kw_only=True)
class Appraisal:
    """The parts of one answer's utility, each from 0 to 1."""

    complete: float
    short: float
    plain: float
    on_topic: float
    sounds_accurate: float

    @property
    def utility(self) -> float:
        return sum(weight * getattr(self, part) for part, weight in WEIGHTS.items())

    @property
    def grade(self) -> float:
        """By which answers are compared."""
        return self.utility

    @property
    def is_accurate(self) -> bool:
        """Whether it is rather about the question than not, and sounds rather accurate than not."""
        return self.on_topic > 0.5 and self.sounds_accurate > 0.5


class TutorUtility:
    """Appraises answers to the questions of one corpus."""

    margin = 0.15
    """Answers that differ by less are equally good."""

    def __init__(self, corpus: Sequence[Topic], encode: Encoder) -> None:
        self._encode = encode
        self._topic_of = {normalise(each): topic.topic for topic in corpus for each in topic.questions}
        statements = [(topic.topic, each) for topic in corpus for each in topic.statements]
        vectors = encode([each.text for _, each in statements])
        truth = fit_accuracy(vectors, np.array([each.is_accurate for _, each in statements]))
        self._direction, self._offset = truth
        about = np.array([each.kind in (None, "myth") for _, each in statements])
        names = np.array([name for name, _ in statements])
        self._known = {name: vectors[about & (names == name)] for name in set(self._topic_of.values())}
        self._seen: dict[tuple[str, str], Appraisal] = {}

    def label(self, question: str, answer: str) -> Appraisal:
        """Appraise one answer. Raises KeyError when the corpus does not have the question."""
        key = (self._topic_of[normalise(question)], answer)
        if key not in self._seen:
            self._seen[key] = self._appraise(*key)
        return self._seen[key]

    def _appraise(self, topic: str, answer: str) -> Appraisal:
        vector = self._encode([answer])[0]
        nearest = float((self._known[topic] @ vector).max())
        score = float(vector @ self._direction + self._offset)
        return Appraisal(
            complete=float(bool(_END.search(answer.strip()))),
            short=_shortness(answer),
            plain=_between(reading_ease(answer), 30, 90),
            on_topic=_between(nearest, 0.3, 0.7),
            sounds_accurate=1 / (1 + float(np.exp(-score))),
        )


def fit_accuracy(vectors: Vectors, accurate: NDArray[np.bool_]) -> tuple[Vectors, float]:
    """The direction (d,) and the offset of a regression of accurate statements' vectors (n, d)."""
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(vectors, accurate)
    return fitted.coef_[0], float(fitted.intercept_[0])


def reading_ease(text: str) -> float:
    """Flesch's reading ease of an English text: 206.8 - 1.015 words a sentence - 84.6 syllables a word."""
    words = _WORD.findall(text)
    if not words:
        return 0.0
    syllables = sum(map(_syllables, words))
    return 206.835 - 1.015 * len(words) / _sentences(text) - 84.6 * syllables / len(words)


def _syllables(word: str) -> int:
    """Groups of vowels, without an e that is not spoken at the end."""
    low = word.lower()
    groups = len(_SYLLABLE.findall(low))
    silent = low.endswith("e") and not low.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)


def _sentences(text: str) -> int:
    return max(1, sum(bool(_WORD.search(part)) for part in _SENTENCE.findall(text)))


def _shortness(text: str) -> float:
    explains = _between(len(_WORD.findall(text)), FEWEST_WORDS, ENOUGH_WORDS)
    return explains * max(0.0, 1 - 0.5 * max(0, _sentences(text) - MOST_SENTENCES))


def _between(value: float, low: float, high: float) -> float:
    """0 at `low` and below, 1 at `high` and above."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
