"""Copies of gold questions, stored among a round's comparisons when it opens: their ids tell nothing."""

import random
from collections.abc import Collection, Sequence

from django.db.models import Exists, OuterRef

from annotator.models import Project
from annotator.models.personal_settings import primary_language
from ranking.models import GOLD, Assignment, Comparison, GoldQuestion, Round
from ranking.models.assignments import AssignmentQuerySet

from ..choosing import Group

SPARE = 2
"""How many times as many places as are expected to be taken: who comes how often is not known beforehand."""
MOST_PLACES = 1000


def mix_in(
    groups: Sequence[Group], project: Project, languages: Collection[str], chance: random.Random
) -> list[Group]:
    """The groups with the project's gold questions at places of chance.

    Those of withdrawn prompts, in languages that the round does not have, and with answers that are compared
    in it anyway, are left out.
    """
    mixed = list(groups)
    if not project.gold_every:
        return mixed
    compared = {completion for group in groups for completion in group.completions}
    known = project.gold_questions.in_use().filter(prompt__withdrawn_at=None)
    for question in known.select_related("prompt").prefetch_related("answers"):
        answers = [answer.completion_id for answer in question.answers.all()]
        if primary_language(question.prompt.language) in languages and compared.isdisjoint(answers):
            gold = Group(question.prompt_id, answers, gold=question.pk)
            mixed.insert(chance.randrange(len(mixed) + 1), gold)
    return mixed


def places_of(opened: Round) -> range:
    """The numbers of the assignments of each gold question of a round that opens."""
    if not opened.gold_count:
        return range(0)
    expected = opened.assignment_count / max(opened.project.gold_every - 1, 1) / opened.gold_count
    return range(GOLD, GOLD + min(int(SPARE * expected) + SPARE, MOST_PLACES))


def remove_spare(closed: Round) -> None:
    """Remove the places at gold questions that nobody took, and the questions that nobody was asked.

    Part of closing a round, whose transaction it shares.
    """
    if not closed.gold_count:
        return
    remove_free(closed.assignments.filter(number__gte=GOLD))
    taken = Assignment.objects.filter(comparison=OuterRef("pk"))
    Comparison.objects.filter(~Exists(taken), round=closed, source=Comparison.Source.GOLD).delete()


def remove_free(places: AssignmentQuerySet) -> None:
    """Remove places at gold questions that nobody holds or has lost."""
    unused = places.filter(state=Assignment.State.FREE, lapsed=None)
    # Locked, so that none of them is claimed before it is gone; one that is being claimed is passed over.
    free = list(unused.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    Assignment.objects.filter(pk__in=free).delete()


def is_marked(project: Project, completions: Collection[int]) -> bool:
    """Whether just these answers are a gold question in use."""
    wanted = set(completions)
    found = GoldQuestion.objects.in_use().filter(project=project, answers__completion__in=wanted).distinct()
    return any(
        {answer.completion_id for answer in question.answers.all()} == wanted
        for question in found.prefetch_related("answers")
    )
