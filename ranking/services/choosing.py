"""Which answers a round compares, and in which order people are asked about them."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from annotator.models import Author, Completion, Project, Split
from ranking.statistics.near_duplicates import different_texts
from ranking.statistics.sampling import RULES, choose, moments, serving_order

Scores = Mapping[int, Sequence[float]]
"""By completion id, what each member of a reward ensemble, or each draw of a posterior, scores it."""


class Group(NamedTuple):
    """Answers of one prompt to compare, and the probability with which just these were chosen.

    `gold` is the id of the gold question that they are, if any.
    """

    prompt: int
    completions: list[int]
    probability: float | None = None
    gold: int | None = None


class _Answer(NamedTuple):
    prompt: int
    split: str
    system_prompt: str
    pk: int
    text: str


def groups_to_compare(
    project: Project, author: Author, per_prompt: int, scores: Scores, chance: random.Random
) -> list[Group]:
    """Up to `per_prompt` disjoint groups of each prompt's answers, in the order in which people are asked.

    By the project's rule of those that have scores, the most valuable first; by chance where there are none,
    and for held-out prompts, so that what is measured on them holds for all answers.
    """
    chosen: list[tuple[Group, float | None]] = []
    for answers in _answers_to_compare(project, author):
        chosen += _groups_of_prompt(answers, project, per_prompt, scores, chance)
    order = serving_order([value for _group, value in chosen], chance)
    return [chosen[place][0] for place in order]


def _groups_of_prompt(
    answers: list[_Answer], project: Project, per_prompt: int, scores: Scores, chance: random.Random
) -> Iterator[tuple[Group, float | None]]:
    """Each group with its value."""
    rule = None if answers[0].split == Split.HELD_OUT else RULES.get(project.sampling)
    scored = [answer for answer in answers if answer.pk in scores]
    if rule and len(scored) > 1:
        answers = scored
    else:
        rule = None
    for _number in range(per_prompt):
        if len(answers) < 2:
            return
        values = rule(*moments(np.array([scores[answer.pk] for answer in answers]))) if rule else None
        choice = choose(len(answers), project.completions_per_comparison, values, chance)
        completions = [answers[place].pk for place in choice.places]
        yield Group(answers[0].prompt, completions, choice.probability), choice.value
        answers = [answer for answer in answers if answer.pk not in completions]


def _answers_to_compare(project: Project, author: Author) -> Iterator[list[_Answer]]:
    """Each prompt's answers that differ by more than a few letters and were given the same system prompt.

    Where there are several such sets, the one after today's system prompt, or else the newest.
    """
    rows = Completion.objects.filter(prompt__in=project.prompts.available(), author=author)
    columns = rows.order_by("prompt_id", "pk").values_list(
        "prompt_id", "prompt__split", "system_prompt", "pk", "text"
    )
    for _prompt, given in groupby(map(_Answer._make, columns.iterator()), key=attrgetter("prompt")):
        sets: dict[str, list[_Answer]] = defaultdict(list)
        for answer in given:
            sets[answer.system_prompt].append(answer)
        same = sets.get(project.system_prompt) or max(sets.values(), key=lambda answers: answers[0].pk)
        yield [same[place] for place in different_texts([answer.text for answer in same])]
