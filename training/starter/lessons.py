"""Writes the lessons of the starter model: many ways to ask, each with one statement that answers.

The starter has to recognise a topic in a phrasing that it has never met. It learns that from noise: the words
of a question are dropped, moved, misspelt and joined to words of other questions that do not depend on their
topic. Which words name the topic follows from the corpus (they are in its texts and in few others), so that
no language and no topic is known here. A limit: a word is a run of letters, which is a whole clause where a
script has no spaces (Chinese), and part of a word where vowels are signs (Hindi, Thai). Questions in those
vary little or lose their signs, and the starter recognises fewer phrasings.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from training.starter.corpus import Topic

WORD = re.compile(r"\w+(?:['’-]\w+)*")
# Words that start alike are counted together: glacier and glaciers, warm and warming.
STEM = 5


class Message(TypedDict):
    role: str
    content: str


class Lesson(TypedDict):
    """One conversation: a question and the statement that answers it."""

    messages: list[Message]


class LessonWriter:
    """Draws lessons from a corpus."""

    def __init__(self, corpus: Sequence[Topic], rng: np.random.Generator) -> None:
        self._rng = rng
        self._topics = list(corpus)
        self._questions = [(topic.topic, *topic.questions) for topic in corpus]
        self._topic_words = _topic_stems(corpus)
        self._fillers = [
            fillers
            for index, questions in enumerate(self._questions)
            for question in questions
            if (fillers := [w for w in WORD.findall(question) if not self._names_topic(index, w)])
        ]

    def write(self, count: int) -> list[Lesson]:
        """Draw `count` lessons in which every statement occurs equally often, up to one."""
        statements = [(i, s.text) for i, topic in enumerate(self._topics) for s in topic.statements]
        lessons: list[Lesson] = []
        while len(lessons) < count:
            for index in self._rng.permutation(len(statements)):
                topic, text = statements[index]
                lessons.append(self._lesson(topic, text))
        return lessons[:count]

    def _lesson(self, topic: int, answer: str) -> Lesson:
        messages: list[Message] = [
            {"role": "user", "content": self._ask(topic)},
            {"role": "assistant", "content": answer},
        ]
        # What stands in a system prompt must not be taken for the question, so it is about anything.
        if self._rng.random() < 0.1:
            other = self._topics[self._rng.integers(len(self._topics))]
            about = self._pick([*other.questions, *(statement.text for statement in other.statements)])
            messages.insert(0, {"role": "system", "content": about})
        return {"messages": messages}

    def _ask(self, topic: int) -> str:
        draw = self._rng.random()
        if draw < 0.2:
            return self._pick(self._questions[topic])
        if draw < 0.8:
            return self._blur(topic, WORD.findall(self._pick(self._questions[topic])))
        return self._blur(topic, self._hints(topic))

    def _hints(self, topic: int) -> list[str]:
        """Words of a statement that name the topic, as in a question of who half knows the answer."""
        text = self._pick([statement.text for statement in self._topics[topic].statements])
        words = [word for word in WORD.findall(text) if self._names_topic(topic, word)]
        return words[:4] or WORD.findall(self._topics[topic].topic)

    def _blur(self, topic: int, words: list[str]) -> str:
        rng = self._rng
        kept = [w for w in words if rng.random() > (0.15 if self._names_topic(topic, w) else 0.5)] or words
        if rng.random() < 0.3:
            kept = [kept[i] for i in np.argsort(np.arange(len(kept)) + 3 * rng.random(len(kept)))]
        kept = [self._inflect(word) if rng.random() < 0.12 else word for word in kept]
        if self._fillers and rng.random() < 0.6:
            fillers = self._fillers[rng.integers(len(self._fillers))]
            cut = rng.integers(len(fillers) + 1)
            kept = [*fillers[:cut], *kept, *fillers[cut:]]
        text = " ".join(kept)
        text = text.lower() if rng.random() < 0.3 else text[:1].upper() + text[1:]
        return text + str(rng.choice(["?", "?", "", "."]))

    def _inflect(self, word: str) -> str:
        """Cut or change the end of a word, or leave out a letter: words are inflected, and misspelt."""
        draw = self._rng.random()
        if draw < 0.3:
            return word + "s"
        if draw < 0.7 and len(word) > STEM:
            return word[: self._rng.integers(STEM - 1, len(word))]
        place = self._rng.integers(len(word))
        return word[:place] + word[place + 1 :]

    def _names_topic(self, topic: int, word: str) -> bool:
        return _stem(word) in self._topic_words[topic]

    def _pick(self, texts: Sequence[str]) -> str:
        return texts[int(self._rng.integers(len(texts)))]


def _topic_stems(corpus: Sequence[Topic]) -> list[set[str]]:
    """For each topic the stems used there far more than elsewhere; a word of the title needs less."""
    counts = [_count_stems(topic) for topic in corpus]
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    chance = 1 / len(corpus)
    found = []
    for topic, count in zip(corpus, counts, strict=True):
        title = {_stem(word) for word in WORD.findall(topic.topic)}
        found.append(
            {stem for stem, n in count.items() if n > 1 and n / total[stem] > 0.2 + 0.8 * chance}
            | {stem for stem in title if count[stem] / total[stem] > 1.5 * chance}
        )
    return found


def _count_stems(topic: Topic) -> Counter[str]:
    """In how many texts of a topic each stem occurs."""
    texts = [topic.topic, *topic.questions, *(statement.text for statement in topic.statements)]
    return Counter(stem for text in texts for stem in {_stem(word) for word in WORD.findall(text)})


def _stem(word: str) -> str:
    return word.casefold()[:STEM]
