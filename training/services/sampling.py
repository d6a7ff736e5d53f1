"""Sampling completions of a version and putting them before volunteers."""

import json
import logging
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from annotator.errors import RefusedError
from annotator.models import Project, Prompt, User
from annotator.services.audit import record
from annotator.services.completions import add_completions
from ranking.errors import RankingError
from ranking.models import Round
from ranking.services import open_round
from training.launcher import run_engine
from training.models import LeaseLostError, ModelVersion, TrainingRun
from training.tasks import run_sampling

from .pipeline import create_run
from .recipes import check_settings, plan_sampling

logger = logging.getLogger(__name__)
Stage, State = TrainingRun.Stage, TrainingRun.State


def sample_live_version(
    *,
    project: Project,
    actor: User | None = None,
    comparisons_per_prompt: int = 1,
    settings: dict[str, Any] | None = None,
) -> TrainingRun:
    """Queue a run that samples the live version's answers to all prompts and opens a round with them.

    `settings` are those of the generate stage. Raises RefusedError when something else is under way.
    """
    version = ModelVersion.objects.live().filter(project=project).select_related("project").first()
    if version is None:
        raise RefusedError("This project has no live version yet, so there is nothing to sample from.")
    if not project.prompts.exists():
        raise RefusedError("This project has no prompts yet: import some first.")
    if project.updates.active().exists():
        raise RefusedError("An update of this project is under way. Wait for it to end, or cancel it first.")
    wanted = {"completions_per_prompt": project.completions_per_comparison * comparisons_per_prompt}
    values = wanted | (settings or {})
    check_settings({Stage.GENERATE: values})
    try:
        with transaction.atomic():
            run = TrainingRun(project=project, stage=Stage.GENERATE, version=version)
            create_run(run, plan_sampling(version, {"seed": version.runs.count(), **values}))
            record("sampling.started", actor=actor, project=project, target=run)
            transaction.on_commit(partial(run_sampling.enqueue, run.pk))
    except IntegrityError as error:
        raise RefusedError("Answers are being sampled already. Wait for that to end.") from error
    return run


def execute_sampling(run_id: int) -> None:
    """Carry out a sampling run and open the round; returns at once when another worker holds it."""
    run = TrainingRun.objects.select_related("project", "version__author").get(pk=run_id, update=None)
    if run.claim() is None:
        return
    try:
        outcome = run_engine(run)
        try:
            with transaction.atomic():
                run.finish(outcome.state, error=outcome.error, result=outcome.result)
                if outcome.state == State.SUCCEEDED and run.version is not None:
                    open_round_with(version=run.version, run=run, actor=None)
        except (RankingError, ValueError, OSError) as error:
            run.refresh_from_db(fields=["lease", "state"])
            run.finish(State.FAILED, error=str(error))
    except LeaseLostError as lost:
        logger.warning("%s: %s", run, lost)


def open_round_with(*, version: ModelVersion, run: TrainingRun | None, actor: User | None) -> Round:
    """Store what a generate run sampled from a version and open the next round with its completions."""
    project, comparisons_per_prompt, seed = version.project, 1, None
    if run is not None:
        add_completions(author=version.author, texts=_sampled(project, run))
        sampled = int(run.recipe["completions_per_prompt"])
        comparisons_per_prompt = max(1, sampled // project.completions_per_comparison)
        seed = run.recipe["seed"]
    return open_round(
        project=project,
        author=version.author,
        comparisons_per_prompt=comparisons_per_prompt,
        actor=actor,
        seed=seed,
    )


def _sampled(project: Project, run: TrainingRun) -> list[tuple[Prompt, str]]:
    prompts = {str(prompt.pk): prompt for prompt in project.prompts.all()}
    with open(run.folder / "output" / "completions.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(prompts[row["prompt_id"]], row["text"]) for row in rows if row["prompt_id"] in prompts]
