"""Whether a server answers as transformers does, by the reference answers of an export."""

from collections.abc import Sequence
from typing import Any

from training.serving.upstream import stream_answer, text_of

MOST_TOKENS = 32
"""More than a reference has, so that it is seen whether an answer ends where it should."""


def unlike(address: str, key: str, answering: dict[str, Any], references: Sequence[Any]) -> str:
    """The first answer that is not as it should be, in a sentence; empty when all are.

    `answering` is what later requests say, too: see `server.answering_by`.
    """
    for reference in references:
        asked = {"messages": reference["messages"], "temperature": 0, "max_tokens": MOST_TOKENS}
        answer = text_of(stream_answer(address, key, asked | answering)).strip()
        expected = reference["answer"]
        if answer != expected if reference["finished"] else not answer.startswith(expected):
            asked_words = reference["messages"][-1]["content"]
            return f"To {asked_words!r} it answers {answer[:200]!r}, and transformers {expected!r}."
    return ""
