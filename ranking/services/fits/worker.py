"""Finding out how reliable people's votes are, which from then on weighs them."""

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from annotator.models import Project, StatedGroup
from ranking.models import Judgment, PracticeAssignment, Reliability, VoteFit
from ranking.models.collected import ballots_in
from ranking.models.gold_votes import gold_votes_of
from ranking.models.judgments import JudgmentQuerySet
from ranking.services.gold.advice import advise_practice
from ranking.statistics.ballots import Ballots
from ranking.statistics.consensus import Fit
from ranking.statistics.gold import Counts

from .findings import find_habits, find_unlike, store_findings
from .marking import mark_contested

MOST_PRACTICE = 8
"""For how many known answers practice counts at most: it is easy, and can be repeated."""
MOST_STATED = 10
"""Of the groups that people state so many are tried."""


def fit_project(project: Project) -> None:
    """Fit the judgments of a project that count, look for people unlike others, and store what was found."""
    VoteFit.objects.filter(project=project).update(asked_at=None)  # what comes from now on is not in it
    ballots = ballots_in(_counted(project))
    fit = _fit(project, ballots)
    store_fit(project, fit)
    store_findings(project, find_unlike(ballots, fit) | find_habits(project))
    mark_contested(project, fit)
    advise_practice(project=project)


def find_fit(project: Project) -> Fit:
    """What all judgments of a project that count say of its people; nothing is stored."""
    return _fit(project, ballots_in(_counted(project)))


def _fit(project: Project, ballots: Ballots) -> Fit:
    # Here and not above: a web process, which fits nothing, does without 25 MB of SciPy.
    from ranking.statistics.fitting import fit_votes

    stated = list(StatedGroup.objects.people_of(project).values())[:MOST_STATED]
    gold = gold_votes_of(project)
    return fit_votes(ballots, _checked(project, gold.by_person()), stated, gold)


def _counted(project: Project) -> JudgmentQuerySet:
    """Without what reviewers decide, which says nothing of people: who is asked only what others contest is
    asked the hardest questions, and what they say of those cannot be held against who voted.
    """
    return Judgment.objects.of_project(project).of_volunteers().without_excluded()


@transaction.atomic
def store_fit(project: Project, fit: Fit) -> None:
    """Let the votes of a project be weighed by this fit from now on."""
    # The lock of withdrawals: of somebody who took their judgments back meanwhile nothing is stored.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    figures = {"temperature": fit.temperature, "contested": fit.contested, "share": fit.share}
    VoteFit.objects.update_or_create(project=project, defaults={**figures, "fitted_at": timezone.now()})
    people = set(_counted(project).order_by().values_list("volunteer", flat=True).distinct())
    Reliability.objects.filter(project=project).delete()
    Reliability.objects.bulk_create(
        Reliability(project=project, volunteer_id=one, **known._asdict())
        for one, known in fit.known.items()
        if one in people
    )


def _checked(project: Project, gold: Counts) -> dict[int, tuple[float, float]]:
    """By volunteer, how many practice comparisons and gold questions they had right and wrong."""
    answered = PracticeAssignment.objects.filter(comparison__project=project, is_right__isnull=False)
    counts = answered.values_list("attempt__membership__user").annotate(
        right=Count("pk", filter=Q(is_right=True)), wrong=Count("pk", filter=Q(is_right=False))
    )
    checked = dict(gold)
    for volunteer, right, wrong in counts.order_by():
        scale = min(1.0, MOST_PRACTICE / (right + wrong))
        hits, misses = checked.get(volunteer, (0.0, 0.0))
        checked[volunteer] = (hits + right * scale, misses + wrong * scale)
    return checked
