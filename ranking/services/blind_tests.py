"""The comparisons of a blind test, mixed into the open round so that nobody can tell them from the others."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F

from annotator.models import Project, User
from ranking.models import GOLD, Assignment, Comparison, Judgment, Round

from .choosing import Group
from .masks import mask_round
from .rounds import add_comparisons

MOST_TEST_VOTES_EACH = 60
"""Of one person in one test: a tenth of the votes that a test takes at most."""
LAST = GOLD // 2
"""What is added to the number of an assignment that is to be given after all others."""


@transaction.atomic
def add_test_comparisons(*, current: Round, groups: Sequence[Group], votes: int) -> list[Comparison]:
    """Add comparisons of these answers to an open round, each to be judged by so many people.

    The completions are of two versions; whoever judges sees a comparison like any other.
    """
    Project.objects.select_for_update(no_key=True).get(pk=current.project_id)
    added = add_comparisons(current, groups, range(-votes, 0))
    Round.objects.filter(pk=current.pk).update(assignment_count=F("assignment_count") + len(added) * votes)
    mask_round(current)
    return added


@transaction.atomic
def end_test(*, current: Round) -> None:
    """Give out no more of a test's comparisons; what people hold of them they may still judge."""
    Project.objects.select_for_update(no_key=True).get(pk=current.project_id)
    # One that somebody has lost, who may still judge what they were shown, stays and comes last.
    kept = current.assignments.filter(number__lt=0, state=Assignment.State.FREE, lapsed__isnull=False)
    kept.update(number=F("number") + LAST)
    unused = current.assignments.filter(number__lt=0, state=Assignment.State.FREE)
    # Locked, so that none of them is claimed before it is gone; one that is being claimed is passed over.
    free = list(unused.select_for_update(skip_locked=True).values_list("pk", flat=True))
    _removed, by_model = Assignment.objects.filter(pk__in=free).delete()
    count = by_model.get(Assignment._meta.label, 0)
    Round.objects.filter(pk=current.pk).update(assignment_count=F("assignment_count") - count)


def test_votes_of(current: Round, volunteer: User) -> int:
    """How many judgments the volunteer has given to tests in the round."""
    return Judgment.objects.filter(
        volunteer=volunteer, assignment__round=current, assignment__number__lt=0, is_current=True
    ).count()
