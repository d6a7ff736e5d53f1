"""Marking which comparisons people contest, once their votes have been weighed."""

from django.db import transaction

from annotator.models import Project
from ranking.models import Comparison, Round
from ranking.models.contested import said_in
from ranking.statistics.consensus import Fit

ROUNDS = 2
"""Of the newest rounds: what older ones leave open has been learned without, and would wait for ever."""
CHUNK = 500


def mark_contested(project: Project, fit: Fit) -> None:
    """Mark what volunteers contest in the newest rounds by their votes and this fit, and nothing else."""
    rounds = Round.objects.filter(project=project).begun()[:ROUNDS]
    said = {pk: one for each in rounds for pk, one in said_in(each, fit).items()}
    contests = {pk: one.contest for pk, one in said.items() if one.is_contested}
    with transaction.atomic():
        # One at a time, and none while a decision is made about one of them.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        marked = Comparison.objects.filter(round__project=project, contest__isnull=False)
        before = dict(marked.values_list("pk", "contest"))
        after = dict.fromkeys(before) | contests
        changed = [Comparison(pk=pk, contest=after[pk]) for pk in after if after[pk] != before.get(pk)]
        Comparison.objects.bulk_update(changed, ["contest"], batch_size=CHUNK)
