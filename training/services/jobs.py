"""Jobs that wait for the worker."""

from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult


def is_waiting(job: Task, pk: int) -> bool:
    """Whether a job with this id waits for the worker already."""
    waiting = DBTaskResult.objects.ready().filter(task_path=job.module_path)
    return any(each.args_kwargs["args"] == [pk] for each in waiting)
