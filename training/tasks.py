"""Jobs of the worker: each takes an id and calls one service."""

from django_tasks import task

from training.services.base_models.unpacking import execute_unpacking
from training.services.deleting.files import remove_files
from training.services.founding.worker import execute_founding
from training.services.plans.worker import plan_next_update
from training.services.sampling.prompt_lengths import measure_new_prompts
from training.services.sampling.worker import execute_sampling
from training.services.updates.worker import execute_update
from training.services.versions.exports import execute_export


@task(priority=-5)  # it starts an engine; what is sampled meanwhile leaves out what is too long by itself
def measure_prompts(project_id: int) -> None:
    measure_new_prompts(project_id)


@task(priority=-10)  # nobody waits for it: an update without a plan makes its own
def plan_update(project_id: int) -> None:
    plan_next_update(project_id)


@task()
def run_update(update_id: int) -> None:
    execute_update(update_id)


@task()
def run_sampling(run_id: int) -> None:
    execute_sampling(run_id)


@task(priority=10)  # it takes a minute, and what waits beside it may take hours
def run_export(export_id: int) -> None:
    execute_export(export_id)


@task(priority=10)
def run_unpacking(base_id: int) -> None:
    execute_unpacking(base_id)


@task(priority=20)  # somebody waits before a page
def run_founding(founding_id: int) -> None:
    execute_founding(founding_id)


@task()
def remove_version_files(places: list[str]) -> None:
    remove_files(places)


@task()
def remove_project_files(places: list[str]) -> None:
    remove_files(places)
