"""Stages of the engine in run directories that are named after their recipes, so that none is done twice."""

import gc
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import torch

from training.rlhf.recipes import DatasetFile, Recipe
from training.rlhf.rundir import RunDirectory, create_run, dataset_file, write_text
from training.rlhf.stages import STAGES


def finished_run(work: Path, recipe: Recipe) -> RunDirectory:
    """The directory of this very recipe, whose run has succeeded by then."""
    key = hashlib.sha256(recipe.to_json().encode()).hexdigest()[:16]
    directory = create_run((work / "runs" / f"{recipe.stage}-{key}").resolve(), recipe)
    if not directory.finished():
        directory.open()
        began = time.monotonic()
        torch.manual_seed(recipe.seed)
        metrics = STAGES[recipe.stage].run(directory, recipe)
        directory.finish(metrics, {}, time.monotonic() - began)
        gc.collect()  # a trainer holds its base model in a circle of references
    return directory


def rows_file(work: Path, name: str, rows: list[dict[str, Any]]) -> DatasetFile:
    """A file with these rows, named after what is in it."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = (work / "data" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_text(path, text)
    return dataset_file(path)
