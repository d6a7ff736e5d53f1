"""Opening rounds."""

import random
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from django.db import transaction

from annotator.events import Kind
from annotator.models import Author, Project, User
from annotator.models.personal_settings import primary_language
from annotator.services.audit import record
from annotator.services.telling.notices import tell
from annotator.shown import Shown, check_shown
from ranking.errors import NothingToRankError
from ranking.facts import round_facts
from ranking.models import Assignment, Comparison, ComparisonItem, Round

from .choosing import Group, Scores, groups_to_compare
from .gold.mixing import mix_in, places_of
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
    scores: Scores = MappingProxyType({}),
    shown: Shown | None = None,
) -> Round:
    """Close the open round and open the next one with comparisons of an author's completions.

    A closed round from which no update has learned by then is skipped.

    Each prompt gets up to `comparisons_per_prompt` disjoint groups of its different texts, with
    `project.completions_per_comparison` in each (the last may have fewer, at least 2), and every
    comparison `project.judgments_per_comparison` assignments. `scores` tell a project's rule which texts to
    choose (see `choosing`). Raises NothingToRankError, and leaves the open round as it is, when no prompt has
    two different texts.
    """
    chance = random.Random(seed)
    # Two people who open a round at once wait for each other here, and whoever hides words, which are read
    # anew. A correction, for which closing waits, may meanwhile store an answer of its own: `no_key`.
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    check_shown(shown, round_facts(project))
    groups = groups_to_compare(project, author, comparisons_per_prompt, scores, chance)
    if not groups:
        raise NothingToRankError
    close_round(project=project, actor=actor)
    skip_unlearned(project, actor)
    languages = _languages(project)
    opened = next_round(project, author)
    each, read = project.judgments_per_comparison, sorted({languages[group.prompt] for group in groups})
    mixed = mix_in(groups, project, read, chance)
    opened.open(
        author=author,
        assignment_count=len(groups) * each,
        languages=read,
        gold_count=len(mixed) - len(groups),
    )
    add_comparisons(opened, mixed, range(each))
    mask_round(opened)
    record("round.opened", actor=actor, project=project, target=opened, comparisons=len(groups))
    facts = {"number": opened.number}
    tell(Kind.ROUND_OPENED, project=project, about=f"round:{opened.pk}", facts=facts, actor=actor)
    return opened


def add_comparisons(opened: Round, groups: Sequence[Group], numbers: Iterable[int]) -> list[Comparison]:
    """Store comparisons of these answers, each with an assignment of each number; gold ones have their own.

    The caller holds the project's lock, and counts the assignments.
    """
    languages = _languages(opened.project)
    gold_numbers = places_of(opened)
    comparisons = Comparison.objects.bulk_create(
        [
            Comparison(
                round=opened,
                prompt_id=group.prompt,
                selection_probability=group.probability,
                source=Comparison.Source.GOLD if group.gold else Comparison.Source.DESK,
                gold_id=group.gold,
            )
            for group in groups
        ],
        batch_size=BATCH,
    )
    pairs = list(zip(comparisons, groups, strict=True))
    ComparisonItem.objects.bulk_create(
        [
            ComparisonItem(comparison=comparison, completion_id=completion)
            for comparison, group in pairs
            for completion in group.completions
        ],
        batch_size=BATCH,
    )
    Assignment.objects.bulk_create(
        [
            Assignment(
                round=opened, comparison=comparison, number=number, language=languages[comparison.prompt_id]
            )
            for comparison in comparisons
            for number in (gold_numbers if comparison.gold_id else numbers)
        ],
        batch_size=BATCH,
    )
    return comparisons


def _languages(project: Project) -> dict[int, str]:
    """The code of each prompt's language, by prompt id."""
    return {pk: primary_language(tag) for pk, tag in project.prompts.values_list("pk", "language")}
