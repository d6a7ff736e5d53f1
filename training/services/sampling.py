"""Sampling completions of a version and putting them before volunteers."""

import json
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.services.completions import add_completions
from ranking.models import Round
from ranking.services import open_round
from training.faults import failure_told, insist, reason_of
from training.launcher import Outcome, run_engine
from training.models import ModelVersion, TrainingRun
from training.tasks import run_sampling

from .pipeline import create_run
from .recipes import check_settings, plan_sampling, settings_of
from .turns import take_turn

Stage, State = TrainingRun.Stage, TrainingRun.State


def sample_live_version(
    *,
    project: Project,
    actor: User | None = None,
    comparisons_per_prompt: int = 1,
    settings: dict[str, Any] | None = None,
) -> TrainingRun:
    """Queue a run that samples the live version's answers to all prompts and opens a round with them.

    `settings` are those of the generate stage; without them the project's count. Raises RefusedError when
    something else is under way or the disk is full.
    """
    values = {"completions_per_prompt": project.completions_per_comparison * comparisons_per_prompt}
    values |= settings_of(project).get(Stage.GENERATE, {}) if settings is None else settings
    check_settings({Stage.GENERATE: values})
    with transaction.atomic():
        take_turn(project)
        version = ModelVersion.objects.live().filter(project=project).select_related("project").first()
        if version is None:
            raise RefusedError(_("This project has no live version yet, so there is nothing to sample from."))
        if not project.prompts.exists():
            raise RefusedError(_("This project has no prompts yet: import some first."))
        run = TrainingRun(project=project, stage=Stage.GENERATE, version=version)
        try:
            create_run(run, plan_sampling(version, {"seed": version.runs.count(), **values}))
        except OSError as error:
            raise RefusedError(reason_of(error)) from error
        record("sampling.started", actor=actor, project=project, target=run)
        transaction.on_commit(partial(run_sampling.enqueue, run.pk))
    return run


def cancel_sampling(*, run: TrainingRun, actor: User | None = None) -> None:
    """Ask the worker to stop a sampling run; one that still waits ends at once."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
        if not run.request_cancel():
            raise RefusedError(_("This sampling has ended already, so there is nothing to cancel."))
        record("sampling.cancel_requested", actor=actor, project=run.project, target=run)


def execute_sampling(run_id: int) -> None:
    """Carry out a sampling run and open the round; returns at once when another worker holds it.

    Whatever goes wrong ends up as the run's error. Interrupted, it leaves the run to the next worker.
    """
    run = TrainingRun.objects.select_related("project", "version__author").get(pk=run_id, update=None)
    if run.claim() is None:
        return
    try:
        with failure_told(run):
            outcome = run_engine(run)
            insist(partial(_conclude, run, outcome))
    except KeyboardInterrupt:
        run.hand_back()
        raise


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
        store_sampled(version, run)
        open_round_with(version=version, run=run, actor=None)
    run.finish(outcome.state, error=outcome.error, result=outcome.result)


def store_sampled(version: ModelVersion, run: TrainingRun) -> None:
    """Store what a generate run sampled from a version as its completions."""
    prompts = {str(prompt.pk): prompt for prompt in version.project.prompts.all()}
    try:
        with open(run.folder / "output" / "completions.jsonl", encoding="utf-8") as lines:
            sampled = [(row["prompt_id"], str(row["text"])) for row in map(json.loads, lines)]
        texts = [(prompts[prompt_id], text) for prompt_id, text in sampled if prompt_id in prompts]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError(
            f"The answers that {run} sampled cannot be read ({type(error).__name__}: {error})."
        ) from error
    add_completions(author=version.author, texts=texts)


def open_round_with(*, version: ModelVersion, run: TrainingRun | None, actor: User | None) -> Round:
    """Open the next round with a version's completions, as many for each prompt as its run sampled."""
    comparisons_per_prompt, seed = 1, None
    if run is not None:
        sampled = int(run.recipe["completions_per_prompt"])
        comparisons_per_prompt = max(1, sampled // version.project.completions_per_comparison)
        seed = run.recipe["seed"]
    return open_round(
        project=version.project,
        author=version.author,
        comparisons_per_prompt=comparisons_per_prompt,
        actor=actor,
        seed=seed,
    )
