"""Starting and cancelling the sampling of the live version's completions, for the next round."""

from contextlib import suppress
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.shown import Shown
from ranking.services import prepare_round
from training.failures import reason_of
from training.models import ModelVersion, TrainingRun
from training.services.plans.stored import current_plan
from training.services.project_lock import lock_idle_project
from training.services.runs.create import create_run
from training.services.runs.recipes import check_settings, chosen_settings, sampling_input, settings_of
from training.services.runs.scoring import answers_per_comparison
from training.tasks import run_sampling

Stage = TrainingRun.Stage


def sample_live_version(
    *,
    project: Project,
    actor: User | None = None,
    comparisons_per_prompt: int = 1,
    settings: dict[str, Any] | None = None,
    shown: Shown | None = None,
) -> TrainingRun:
    """Queue a run that samples the live version's answers to all prompts and opens a round with them.

    `settings` are those of the generate stage; without them the project's count, and what they leave open is
    as for the next update. Raises RefusedError when something else is under way or the disk is full.
    """
    values = {"completions_per_prompt": answers_per_comparison(project) * comparisons_per_prompt}
    plan = current_plan(project)
    values |= chosen_settings(plan.plan, Stage.GENERATE) if plan else {}
    values |= settings_of(project).get(Stage.GENERATE, {}) if settings is None else settings
    check_settings({Stage.GENERATE: values})
    with transaction.atomic():
        lock_idle_project(project, shown)
        version = (
            ModelVersion.objects.live().filter(project=project).select_related("project", "author").first()
        )
        if version is None:
            raise RefusedError(_("This project has no live version yet, so there is nothing to sample from."))
        if not project.prompts.in_use().exists():
            raise RefusedError(_("This project has no prompts yet: import some first."))
        prepared = prepare_round(project=project, author=version.author, actor=actor)
        run = TrainingRun(project=project, stage=Stage.GENERATE, version=version, round=prepared)
        try:
            create_run(run, sampling_input(version, {"seed": version.runs.count(), **values}))
        except OSError as error:
            raise RefusedError(reason_of(error)) from error
        record("sampling.started", actor=actor, project=project, target=run)
        transaction.on_commit(partial(run_sampling.enqueue, run.pk))
    return run


def prepare_next_round(*, version: ModelVersion, actor: User | None) -> None:
    """Prepare a round with the answers of a version that has just become, or stayed, the live one.

    What is sampled of another version is given up. Where sampling cannot start now, the clock starts it when
    it can; the caller holds the project's lock.
    """
    project = version.project
    prepare_round(project=project, author=version.author, actor=actor)
    for run in project.runs.active().filter(update=None).exclude(version=version):
        run.request_cancel()
    with suppress(RefusedError):
        sample_live_version(project=project, actor=actor)


def cancel_sampling(*, run: TrainingRun, actor: User | None = None) -> None:
    """Ask the worker to stop a sampling run; one that still waits ends at once."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
        if not run.request_cancel():
            raise RefusedError(_("This sampling has ended already, so there is nothing to cancel."))
        record("sampling.cancel_requested", actor=actor, project=run.project, target=run)
