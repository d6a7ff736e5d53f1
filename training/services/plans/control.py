"""Having updates planned, by the worker."""

from functools import partial

from django.db import transaction
from django_tasks_db.models import DBTaskResult

from annotator.models import Project
from training.tasks import plan_update

from .stored import basis_of, current_plan


def request_plan(project: Project) -> None:
    """Let the worker plan the next update, unless its plan holds, or one waits for the worker already."""
    if basis_of(project) is None or current_plan(project) is not None:
        return
    waiting = DBTaskResult.objects.ready().filter(task_path=plan_update.module_path)
    if not any(task.args_kwargs["args"] == [project.pk] for task in waiting):
        transaction.on_commit(partial(plan_update.enqueue, project.pk))
