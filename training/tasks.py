"""Jobs of the worker: each takes an id and calls one service, imported late because services enqueue jobs."""

from django_tasks import task


@task()
def run_update(update_id: int) -> None:
    from training.services.pipeline import execute_update

    execute_update(update_id)


@task()
def run_sampling(run_id: int) -> None:
    from training.services.sampling import execute_sampling

    execute_sampling(run_id)
