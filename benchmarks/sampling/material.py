"""What the ways of collecting share: a starter model, and its answers to questions with their gold labels."""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.sampling.runs import finished_run, rows_file
from ranking.statistics.near_duplicates import different_texts
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.starter.build import make_starter
from training.starter.corpus import load_corpus
from training.starter.gold import GoldLabels

BEST_OF = 16
"""Answers to a held-out question, of which the reward model takes the best."""
CORPUS = Path(__file__).resolve().parents[2] / "training/starter/climate.jsonl"


@dataclass(frozen=True)
class Answer:
    """Volunteers rank by `utility`; the policies are judged by `grade`."""

    text: str
    utility: float
    grade: float


@dataclass(frozen=True)
class Material:
    """Of one seed: candidates of the questions to learn from, and answers to those that are held out."""

    seed: int
    threads: int
    size: int
    work: Path
    starter: Path
    candidates: dict[str, list[Answer]]
    held_out: dict[str, list[Answer]]

    @classmethod
    def make(cls, options: argparse.Namespace, seed: int) -> Self:
        """What an earlier run left is used again."""
        topics = load_corpus(CORPUS)
        questions = [question for topic in topics for question in topic.questions]
        held_out = [question for question in questions if is_held_out(question)]
        starter = make_starter(
            topics, options.out / "starter", exclude_questions=held_out, threads=options.threads
        )
        learned = [question for question in questions if not is_held_out(question)][: options.questions]
        held_out = held_out[: max(1, options.questions // 4)]
        gold, counts = GoldLabels(topics), (options.answers * options.candidates, BEST_OF)
        pools = [
            _answers(gold, starter, asked, count, seed, options)
            for asked, count in zip((learned, held_out), counts, strict=True)
        ]
        return cls(seed, options.threads, options.answers, options.out, starter, *pools)


def is_held_out(question: str) -> bool:
    """One question in five, by its hash."""
    return hashlib.sha256(question.encode()).digest()[0] % 5 == 0


def prompts_of(questions: list[str], work: Path) -> Any:
    """A file of prompts whose ids are the questions."""
    rows = [{"prompt_id": each, "prompt": [{"role": "user", "content": each}]} for each in questions]
    return rows_file(work, "prompts", rows)


def answers_of(directory: Any) -> dict[str, list[str]]:
    """What a generate run sampled, by question."""
    texts: dict[str, list[str]] = {}
    for line in (directory.output / "completions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        texts.setdefault(row["prompt_id"], []).append(row["text"])
    return texts


def _answers(
    gold: GoldLabels, starter: Path, questions: list[str], count: int, seed: int, options: argparse.Namespace
) -> dict[str, list[Answer]]:
    """The different answers of the starter to each question, with their labels; kept beside the run."""
    recipe = GenerateRecipe(
        base_model=str(starter),
        dataset=prompts_of(questions, options.out),
        seed=seed,
        threads=options.threads,
        completions_per_prompt=count,
    )
    directory = finished_run(options.out, recipe)
    kept = directory.path / "labels.json"
    if not kept.exists():
        labels = {
            question: [_labelled(gold, question, texts[place]) for place in different_texts(texts)]
            for question, texts in answers_of(directory).items()
        }
        kept.write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    stored = json.loads(kept.read_text(encoding="utf-8"))
    return {question: [Answer(*each) for each in answers] for question, answers in stored.items()}


def _labelled(gold: GoldLabels, question: str, text: str) -> tuple[str, float, float]:
    label = gold.label(question, text)
    return text, label.utility, label.grade
