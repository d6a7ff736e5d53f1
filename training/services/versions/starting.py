"""Starting a project from what another one has learned: an adapter on the same base model."""

from django.db import transaction

from annotator.models import Project, User
from annotator.shown import Shown
from training.models import ModelVersion
from training.services.project_lock import lock_idle_project
from training.services.sampling.control import prepare_next_round

from .origins import take_over


def start_from(
    *, project: Project, source: ModelVersion, actor: User, shown: Shown | None = None
) -> ModelVersion:
    """Make another project's version live in one that has released none of its own.

    The actor coordinates both. An open round goes on until answers of the version are there. Raises
    RefusedError for what `take_over` refuses, and while an update or sampling runs.
    """
    with transaction.atomic():
        lock_idle_project(project, shown)
        version = take_over(project, source, actor)
        if project.rounds.exists():  # a new project opens its first round when its prompts are there
            prepare_next_round(version=version, actor=actor)
    return version
