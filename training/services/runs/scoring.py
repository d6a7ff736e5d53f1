"""Scoring the answers that are sampled for a round, so that it compares those that teach most."""

from typing import Any

from annotator.models import Project
from training.models import ModelVersion, TrainingRun
from training.rlhf.rundir import dataset_file

CANDIDATES = 2
"""How many answers are sampled for each that is compared, where they are chosen by their scores."""


def answers_per_comparison(project: Project) -> int:
    """How many answers to a prompt are sampled for each of its comparisons."""
    is_chosen = newest_reward_run(project) is not None
    return project.completions_per_comparison * (CANDIDATES if is_chosen else 1)


def scoring_settings(version: ModelVersion) -> dict[str, Any]:
    """What a run that samples from a version scores its answers with; empty where chance chooses."""
    run = newest_reward_run(version.project)
    if run is None or run.update is None or run.update.dataset is None:
        return {}
    preferences = dataset_file(run.update.dataset.folder / "train.parquet")
    return {"reward_adapter": str(run.adapter_dir), "preferences": preferences}


def newest_reward_run(project: Project) -> TrainingRun | None:
    """The run whose reward model knows most; None before the first, and where chance chooses the answers.

    Also None where its weights were deleted, or are those of another base.
    """
    if project.sampling == Project.Sampling.UNIFORM:
        return None
    trained = project.runs.filter(stage=TrainingRun.Stage.REWARD, state=TrainingRun.State.SUCCEEDED)
    run = (
        trained.filter(update__parent__base_model=project.base_model).select_related("update__dataset").last()
    )
    is_there = run is not None and any(run.adapter_dir.rglob("adapter_model.safetensors"))
    return run if is_there else None
