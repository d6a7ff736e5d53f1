"""Makes the starter model of a corpus, by the same sft stage that a coordinator would use.

A tokenizer and a small random model are made from the corpus, lessons are drawn from it, and the engine
trains on them in a run directory of its own. The result appears whole under its name, or not at all. A build
that was killed takes its engine with it, and the next one goes on from its last checkpoint.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training.launching.engine_process import EngineProcess
from training.launching.progress import last_line, log_tail
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory, create_run, sha256_of, write_json, write_text
from training.rlhf.stages.sft.recipe import SFTRecipe
from training.starter.corpus import Topic, without_questions
from training.starter.lessons import LessonWriter

CARD = "starter.json"
# Part of the key of a finished starter: raised when the lessons or the model are made in another way.
VERSION = 3


def starter_folder(starters: Path, corpus: Path, seed: int) -> Path:
    """Where a starter is kept among others: it depends on its corpus and seed."""
    return starters / f"{hashlib.sha256(corpus.read_bytes()).hexdigest()[:12]}-{seed}"


class StarterError(RuntimeError):
    """The starter could not be made; the message is the engine's reason."""


@dataclass(frozen=True, kw_only=True)
class StarterRecipe:
    """The size of the starter and of its training; the defaults reach fluency in about a minute."""

    vocabulary: int = 3072
    # Wide and shallow: a question is read as the set of its words, and little needs to be composed.
    hidden: int = 256
    layers: int = 2
    lessons_per_statement: int = 62
    # A small corpus would else be left before the model can speak.
    fewest_lessons: int = 6000
    batch_size: int = 16
    learning_rate: float = 3e-3


def make_starter(
    corpus: Sequence[Topic],
    folder: Path,
    *,
    exclude_questions: Collection[str] = (),
    seed: int = 0,
    threads: int = 2,
    recipe: StarterRecipe = StarterRecipe(),
) -> Path:
    """Make the starter model in `folder`, unless the same is there already; returns the folder.

    The model never sees an excluded question, so prompts held out from training are new to it too.
    Raises StarterError with the engine's reason when training fails.
    """
    known = without_questions(corpus, exclude_questions)
    key = _key(known, recipe, seed)
    if _card(folder).get("key") == key:
        return folder
    started = time.monotonic()
    work = folder.with_name(f".{folder.name}.{key[:16]}")
    run = _prepare(known, work, recipe, seed, threads)
    _train(run)
    card = {"key": key, "topics": len(known), "seed": seed, "seconds": round(time.monotonic() - started, 1)}
    write_json(run.output / CARD, card | asdict(recipe))
    _put_in_place(run.output, folder)
    shutil.rmtree(work)
    return folder


def _prepare(
    corpus: Sequence[Topic], work: Path, recipe: StarterRecipe, seed: int, threads: int
) -> RunDirectory:
    """The run directory of the training; what an earlier, killed build left of it is used again."""
    run = RunDirectory(work)
    if (work / "recipe.json").exists():
        return run
    # Torch takes seconds to import, and a starter that is there already needs none of it.
    from training.starter.model import make_blank_model

    lessons = work / "lessons.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    make_blank_model(
        corpus,
        work / "blank",
        vocabulary=recipe.vocabulary,
        hidden=recipe.hidden,
        layers=recipe.layers,
        seed=seed,
    )
    statements = sum(len(topic.statements) for topic in corpus)
    count = max(recipe.fewest_lessons, recipe.lessons_per_statement * statements)
    rows = LessonWriter(corpus, np.random.default_rng(seed)).write(count)
    write_text(lessons, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    training = SFTRecipe(
        base_model="blank",
        dataset=DatasetFile(lessons.name, sha256_of(lessons)),
        seed=seed,
        threads=threads,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=0.1,
        mixed_precision=True,
        checkpoint_every=400,
    )
    return create_run(work, training)


def _train(run: RunDirectory) -> None:
    """Run the engine to its end, with a progress bar."""
    folder = run.path.resolve()
    command = [sys.executable, "-m", "training.rlhf", "sft", str(folder)]
    with (
        EngineProcess(folder, command, cwd=Path(__file__).parents[2], env=dict(os.environ)) as engine,
        tqdm(desc="Starter model", unit=" steps", leave=False, disable=None) as bar,
    ):
        while engine.wait(0.2) is None:
            _show(run, bar)
    if not run.finished():
        error = run.path / "error.json"
        raise StarterError(json.loads(error.read_text())["reason"] if error.exists() else log_tail(folder))


def _show(run: RunDirectory, bar: "tqdm[None]") -> None:
    if last := last_line(run.path):
        bar.total = last["total"]
        bar.set_postfix(loss=f"{last['metrics']['loss']:.2f}", refresh=False)
        bar.update(last["step"] - bar.n)


def _put_in_place(output: Path, folder: Path) -> None:
    """Move the finished model to its name; an older one steps aside first."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    output.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _card(folder: Path) -> dict[str, object]:
    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _key(corpus: Sequence[Topic], recipe: StarterRecipe, seed: int) -> str:
    """All that the starter follows from, hashed."""
    parts = {
        "version": VERSION,
        "corpus": [asdict(topic) for topic in corpus],
        "recipe": asdict(recipe),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
