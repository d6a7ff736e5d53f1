"""Having the votes of a project fitted, by the worker."""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from annotator.models import Project
from ranking.models import VoteFit
from ranking.tasks import fit_votes_of

WAIT = timedelta(minutes=5)
"""How long judgments gather before they are fitted."""


def request_fit(project: Project) -> None:
    """Have the votes of a project fitted soon, once for all that change meanwhile."""
    if VoteFit.objects.ask(project):
        job = fit_votes_of.using(run_after=timezone.now() + WAIT)
        transaction.on_commit(partial(job.enqueue, project.pk))
