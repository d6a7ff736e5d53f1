"""Prompts that do not fit a project's model: what runs left out, and measuring new prompts."""

import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotator.models import Project, Prompt
from training.launching.engine_answers import ask_engine
from training.models import ModelVersion, TrainingRun, UnpackedBase
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.services.plans.stored import current_plan
from training.services.runs.recipes import (
    PROMPTS_FILE,
    base_model,
    chosen_settings,
    prompts_file,
    settings_of,
)

logger = logging.getLogger(__name__)
BATCH = 500
MEASURED = ("tokens", "token_limit", "too_long")


@dataclass(frozen=True)
class LeftOut:
    """A prompt of `tokens` that a run did not answer, because `limit` are allowed."""

    prompt_id: int
    tokens: int
    limit: int


def left_out_of(run: TrainingRun) -> list[LeftOut]:
    """The prompts that a run left out; none where its file is gone or is not as the engine writes it."""
    try:
        rows = _read_rows(run.folder / "output" / "left_out.jsonl")
        return [LeftOut(int(row["prompt_id"]), int(row["tokens"]), int(row["limit"])) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        logger.warning("%s: left_out.jsonl cannot be read", run, exc_info=True)
        return []


@transaction.atomic
def record_left_out(run: TrainingRun) -> None:
    """Mark the prompts that a generate run left out as too long, and the others that it was given as not."""
    left_out = {each.prompt_id: each for each in left_out_of(run)}
    given = {int(row["prompt_id"]) for row in _read_rows(run.folder / PROMPTS_FILE)}
    prompts = Prompt.objects.filter(project=run.project_id)
    changed = []
    for prompt in prompts.filter(pk__in=left_out):
        length = left_out[prompt.pk]
        prompt.tokens, prompt.token_limit, prompt.too_long = length.tokens, length.limit, True
        changed.append(prompt)
    for prompt in prompts.filter(too_long=True).exclude(pk__in=left_out):
        if prompt.pk in given:
            prompt.token_limit, prompt.too_long = None, False
            changed.append(prompt)
    Prompt.objects.bulk_update(changed, MEASURED, batch_size=BATCH)


def measure_new_prompts(project_id: int) -> None:
    """Measure the prompts that were not measured yet, and mark those that sampling would leave out."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return  # it was deleted meanwhile
    version = ModelVersion.objects.live().filter(project=project).select_related("project").first()
    unmeasured = project.prompts.in_use().filter(tokens=None)
    if version is None or not unmeasured.exists():
        return
    if UnpackedBase.objects.not_there().filter(location=version.base_model).exists():
        return  # they are measured when it is unpacked
    measured = _measure(base_model(version), prompts_file(version, unmeasured))
    plan = current_plan(project)
    recipe = (chosen_settings(plan.plan, "generate") if plan else {}) | settings_of(project).get(
        "generate", {}
    )
    longest = recipe.get("max_prompt_tokens", GenerateRecipe.max_prompt_tokens)
    answer = recipe.get("max_new_tokens", GenerateRecipe.max_new_tokens)
    changed = []
    for prompt in project.prompts.filter(pk__in=measured):
        prompt.tokens, context = measured[prompt.pk]
        limit = longest if context is None else min(longest, context - answer)
        prompt.too_long = prompt.tokens > limit
        prompt.token_limit = limit if prompt.too_long else None
        changed.append(prompt)
    Prompt.objects.bulk_update(changed, MEASURED, batch_size=BATCH)


def _measure(base: str, prompts: bytes) -> dict[int, tuple[int, int | None]]:
    """Tokens, and the base's context, by prompt id.

    Without the prompts that the chat template refuses, and empty when the engine fails.
    """
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as scratch:
        given, out = Path(scratch) / PROMPTS_FILE, Path(scratch) / "lengths.jsonl"
        given.write_bytes(prompts)
        answer = ask_engine(["measure", base, str(given), str(out)])
        if answer.status != 0:
            logger.warning("Prompts could not be measured: %s", answer.last_words)
            return {}
        return {
            int(row["prompt_id"]): (row["tokens"], row["context"])
            for row in _read_rows(out)
            if row["tokens"] is not None
        }


def _read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
