"""Jobs of the worker: each takes ids and calls one service, imported late as services enqueue jobs."""

from django_tasks import task

from annotator.models import Project


@task(priority=5)  # it takes seconds, and what waits beside it may take hours
def fit_votes_of(project_id: int) -> None:
    from ranking.services.fits.worker import fit_project

    if project := Project.objects.filter(pk=project_id).first():
        fit_project(project)
