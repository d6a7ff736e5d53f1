"""Having updates planned, by the worker."""

from functools import partial

from django.db import transaction

from annotator.models import Project
from training.services.jobs import is_waiting
from training.tasks import plan_update

from .stored import basis_and_plan


def request_plan(project: Project) -> None:
    """Let the worker plan the next update, unless its plan holds, or one waits for the worker already."""
    basis, plan = basis_and_plan(project)
    if basis is not None and plan is None and not is_waiting(plan_update, project.pk):
        transaction.on_commit(partial(plan_update.enqueue, project.pk))
