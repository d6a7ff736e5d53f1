"""The worker's part of sampling: run the engine, store the completions, open a round with them."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from annotator.errors import RefusedError
from annotator.models import Project
from annotator.services.completions import add_completions
from ranking.services import open_round
from training.launching.launcher import Outcome
from training.models import ModelVersion, TrainingRun
from training.services.runs.alone import execute_alone
from training.services.runs.recipes import PROMPTS_FILE
from training.services.runs.scoring import CANDIDATES

from .prompt_lengths import record_left_out

State = TrainingRun.State


def execute_sampling(run_id: int) -> None:
    """Carry out a sampling run and open the round; see `execute_alone`."""
    run = TrainingRun.objects.select_related("project", "version__author").get(pk=run_id, update=None)
    execute_alone(run, partial(_conclude, run), version=run.version)


@transaction.atomic
def _conclude(run: TrainingRun, outcome: Outcome) -> None:
    """End the run, and open a round with what it sampled if its version is still the live one."""
    Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    version = run.version
    if outcome.state == State.SUCCEEDED and version is not None:
        if not ModelVersion.objects.live().filter(pk=version.pk).exists():
            raise RefusedError(
                f"{version} is no longer live: another version was released while it was sampled. The open "
                "round was left as it is."
            )
        scores = _store_sampled(version, run)
        _open_round(version, run, scores)
    run.finish(outcome.state, error=outcome.error, result=outcome.result)


def _store_sampled(version: ModelVersion, run: TrainingRun) -> dict[int, list[float]]:
    """Store what a generate run sampled from a version as its completions; returns the scores of these."""
    prompts = {str(prompt.pk): prompt for prompt in version.project.prompts.all()}
    try:
        rows = [
            row for row in _rows(run.folder / "output" / "completions.jsonl") if row["prompt_id"] in prompts
        ]
        texts = [(prompts[row["prompt_id"]], str(row["text"])) for row in rows]
        scores = [[float(score) for score in row.get("scores", ())] for row in rows]
        given = {row["prompt_id"]: row["prompt"] for row in _rows(run.folder / PROMPTS_FILE)}
        system_prompts = {
            prompt.pk: given[prompt_id][0]["content"]
            for prompt_id, prompt in prompts.items()
            if prompt_id in given and len(given[prompt_id]) > len(prompt.messages)
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError(
            f"The answers that {run} sampled cannot be read ({type(error).__name__}: {error})."
        ) from error
    stored = add_completions(author=version.author, texts=texts, system_prompts=system_prompts)
    record_left_out(run)
    return {completion.pk: own for completion, own in zip(stored, scores, strict=True) if own}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _open_round(version: ModelVersion, run: TrainingRun, scores: dict[int, list[float]]) -> None:
    """Open the next round with a version's completions, as many comparisons as they were sampled for."""
    each = version.project.completions_per_comparison * (CANDIDATES if scores else 1)
    open_round(
        project=version.project,
        author=version.author,
        comparisons_per_prompt=max(1, int(run.recipe["completions_per_prompt"]) // each),
        seed=run.recipe["seed"],
        scores=scores,
    )
