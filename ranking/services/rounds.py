"""Opening rounds."""

import random
from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from annotator.events import Kind
from annotator.models import Author, Completion, Project, User
from annotator.models.personal_settings import primary_language
from annotator.services.audit import record
from annotator.services.telling.notices import tell
from annotator.shown import Shown, check_shown
from ranking.errors import NothingToRankError
from ranking.facts import round_facts
from ranking.models import Assignment, Comparison, ComparisonItem, Round

from .masks import mask_round
from .round_life import close_round, next_round, skip_unlearned

BATCH = 1000


@transaction.atomic
def open_round(
    *,
    project: Project,
    author: Author,
    comparisons_per_prompt: int = 1,
    actor: User | None = None,
    seed: int | None = None,
    shown: Shown | None = None,
) -> Round:
    """Close the open round and open the next one with comparisons of an author's completions.

    A closed round from which no update has learned by then is skipped.

    Each prompt gets up to `comparisons_per_prompt` disjoint groups of its distinct texts, with
    `project.completions_per_comparison` in each (the last may have fewer, at least 2), and every
    comparison `project.judgments_per_comparison` assignments. Raises NothingToRankError, and leaves the open
    round as it is, when no prompt has two distinct texts.
    """
    chance = random.Random(seed)
    # Two people who open a round at once wait for each other here, and whoever hides words, which are read
    # anew. A correction, for which closing waits, may meanwhile store an answer of its own: `no_key`.
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, round_facts(project))
    groups = _groups(project, author, comparisons_per_prompt, chance)
    if not groups:
        raise NothingToRankError
    close_round(project=project, actor=actor)
    skip_unlearned(project, actor)
    languages = _languages(project)
    opened = next_round(project, author)
    opened.open(
        author=author,
        assignment_count=len(groups) * project.judgments_per_comparison,
        languages=sorted({languages[prompt] for prompt, _ in groups}),
    )
    add_comparisons(opened, groups, range(project.judgments_per_comparison))
    mask_round(opened)
    record("round.opened", actor=actor, project=project, target=opened, comparisons=len(groups))
    facts = {"number": opened.number}
    tell(Kind.ROUND_OPENED, project=project, about=f"round:{opened.pk}", facts=facts, actor=actor)
    return opened


def _groups(
    project: Project, author: Author, per_prompt: int, chance: random.Random
) -> list[tuple[int, list[int]]]:
    """(prompt id, completion ids) of each new comparison, in random order."""
    answers = _answers_to_compare(project, author)
    size = project.completions_per_comparison
    groups = []
    for prompt, given in answers.items():
        completions = chance.sample(given, len(given))
        starts = range(0, len(completions) - 1, size)
        groups += [(prompt, completions[start : start + size]) for start in starts[:per_prompt]]
    chance.shuffle(groups)
    return groups


def _answers_to_compare(project: Project, author: Author) -> dict[int, list[int]]:
    """Completion ids by prompt id: those that were given the same system prompt.

    Where there are several such sets, the one after today's system prompt, or else the newest.
    """
    answers: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    # An author's completions after one system prompt are distinct texts: a constraint of theirs.
    rows = Completion.objects.filter(prompt__in=project.prompts.available(), author=author).order_by("pk")
    for prompt, system_prompt, completion in rows.values_list("prompt_id", "system_prompt", "pk").iterator():
        answers[prompt][system_prompt].append(completion)
    return {prompt: sets.get(project.system_prompt) or max(sets.values()) for prompt, sets in answers.items()}


def add_comparisons(
    opened: Round, groups: list[tuple[int, list[int]]], numbers: Iterable[int]
) -> list[Comparison]:
    """Store comparisons of (prompt id, completion ids), each with an assignment of each number.

    The caller holds the project's lock, and counts the assignments.
    """
    languages = _languages(opened.project)
    comparisons = Comparison.objects.bulk_create(
        [Comparison(round=opened, prompt_id=prompt) for prompt, _ in groups], batch_size=BATCH
    )
    pairs = list(zip(comparisons, groups, strict=True))
    ComparisonItem.objects.bulk_create(
        [
            ComparisonItem(comparison=comparison, completion_id=completion)
            for comparison, (_, completions) in pairs
            for completion in completions
        ],
        batch_size=BATCH,
    )
    Assignment.objects.bulk_create(
        [
            Assignment(
                round=opened, comparison=comparison, number=number, language=languages[comparison.prompt_id]
            )
            for comparison in comparisons
            for number in numbers
        ],
        batch_size=BATCH,
    )
    return comparisons


def _languages(project: Project) -> dict[int, str]:
    """The code of each prompt's language, by prompt id."""
    return {pk: primary_language(tag) for pk, tag in project.prompts.values_list("pk", "language")}
