"""Rounds, assignments and judgments for tests."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.models import Author, Project, User
from annotator.services.completions import add_completions, get_or_create_author
from ranking.models import Assignment, Comparison, Judgment, Round
from ranking.services import (
    add_test_comparisons,
    claim_next,
    correct_judgment,
    open_round,
    submit_judgment,
)
from ranking.services.choosing import Group
from ranking.services.gold.marking import mark_gold
from tests.factories import coordinator_of, make_member, make_project, make_prompt


def make_answers(project: Project, prompts: int = 1, answers: int = 4, name: str = "Version 1") -> Author:
    """An author with so many distinct answers to each of so many new prompts."""
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name=name)
    asked = [make_prompt(project) for _ in range(prompts)]
    add_completions(
        author=author,
        texts=[(one, f"Answer {n} to {one}") for one in asked for n in range(answers)],
        system_prompts={one.pk: one.system_prompt for one in asked},
    )
    return author


def make_round(prompts: int = 1, answers: int = 4, **fields: Any) -> Round:
    """An open round of a new project whose comparisons have so many completions."""
    project = make_project(completions_per_comparison=answers, **fields)
    author = make_answers(project, prompts=prompts, answers=answers)
    return open_round(project=project, author=author, seed=1)


def make_assignment(current: Round, volunteer: User) -> Assignment:
    assignment = claim_next(project=current.project, volunteer=volunteer)
    assert assignment is not None
    return assignment


def let_lapse(assignment: Assignment) -> None:
    """The time of the assignment ran out a minute ago."""
    Assignment.objects.filter(pk=assignment.pk).update(held_until=timezone.now() - timedelta(minutes=1))


def make_judgment(assignment: Assignment, *ranks: int, **fields: Any) -> Judgment:
    """The assignment's holder gives these ranks to its completions in order of their ids."""
    return submit_judgment(
        assignment=assignment,
        volunteer=assignment.volunteer,
        key=fields.pop("key", assignment.key),
        ranks=dict(zip(sorted(assignment.order), ranks, strict=bool(ranks))),
        **fields,
    )


def make_compared(
    project: Project,
    *names: str,
    ranks: list[tuple[int, ...]],
    language: str = "en",
    tags: tuple[str, ...] = (),
) -> None:
    """In the open round one member after the other ranks an answer of each of these versions to a prompt."""
    prompt, answers = make_prompt(project), []
    for number, name in enumerate(names):
        author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name=name)
        answers += add_completions(author=author, texts=[(prompt, f"Answer {number} of {name}.")])
    ids = [answer.pk for answer in answers]
    current = project.rounds.open().get()
    add_test_comparisons(current=current, groups=[Group(prompt.pk, ids)], votes=len(ranks))
    for own in ranks:
        person = make_member(project)
        while assignment := claim_next(project=project, volunteer=person):
            if assignment.comparison.prompt_id == prompt.pk:
                make_judgment(assignment, *own)
                break
            make_judgment(assignment, *([1] * len(assignment.order)))
    prompt.relabel(language=language, source="", tags=list(tags))


def make_correction(judgment: Judgment, *ranks: int, **fields: Any) -> Judgment:
    """The judgment's volunteer gives these ranks to its completions in order of their ids instead."""
    return correct_judgment(
        judgment=judgment,
        volunteer=fields.pop("volunteer", judgment.volunteer),
        key=fields.pop("key", None) or uuid.uuid4(),
        ranks=dict(zip(sorted(judgment.shown_assignment.order), ranks, strict=bool(ranks))),
        **fields,
    )


def pairs_of(judgment: Judgment) -> set[tuple[int, int]]:
    """(chosen, rejected) of each preference that the judgment holds."""
    return {(pair.chosen, pair.rejected) for pair in judgment.preferences()}


def assert_refused(act: Callable[..., Any], *args: Any, **fields: Any) -> None:
    """The database itself does not take it."""
    with pytest.raises(IntegrityError), transaction.atomic():
        act(*args, **fields)


def make_gold_round(questions: int = 1, prompts: int = 3, **fields: Any) -> Round:
    """An open round with so many gold questions, of whose two answers the first is better.

    Each is due at once: whoever comes gets them before anything else.
    """
    project = make_project(completions_per_comparison=2, **fields)
    first = open_round(project=project, author=make_answers(project, questions, 2), seed=1)
    for comparison in first.comparisons.all():
        mark_gold(comparison=comparison, ranks=better_first(comparison), actor=coordinator_of(project))
    Project.objects.filter(pk=project.pk).update(gold_every=1)
    author = make_answers(project, prompts, 2, name="Version 2")
    return open_round(project=project, author=author, seed=1)


def better_first(comparison: Comparison) -> dict[int, int]:
    """Ranks of its completions in order of their ids."""
    ids = comparison.items.order_by("completion").values_list("completion_id", flat=True)
    return {completion: rank for rank, completion in enumerate(ids, start=1)}
