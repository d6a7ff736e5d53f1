"""A small corpus for whole rounds of the loop."""

import json
from pathlib import Path

from training.starter.corpus import load_corpus

TOPICS = ("tides", "rainbows", "magnets", "yeast")
ASKED = (
    "What is it about {}?",
    "Tell me how {} work.",
    "Why are there {} at all?",
    "Please explain {} to a child.",
    "I never understood {}, can you help?",
    "Where do {} come from?",
    "What should everybody know about {}?",
    "Are {} dangerous?",
)
QUESTIONS = len(TOPICS) * len(ASKED)


def make_corpus(path: Path) -> Path:
    """Four topics in the demonstration corpus's format."""
    rows = [
        {
            "topic": name,
            "language": "en",
            "questions": [question.format(name) for question in ASKED],
            "accurate": [{"text": f"Books say that {name} follow simple rules.", "source": "a book"}],
            "inaccurate": [{"text": f"Nobody has ever seen {name} on a Monday.", "kind": "myth"}],
        }
        for name in TOPICS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    load_corpus(path)
    return path
