"""A project's anchors: the held-out prompts on which every version meets the bare base.

They are chosen once and stay, so that versions can be compared over months. A prompt that is withdrawn is
asked no more, and no other takes its place.
"""

from collections import defaultdict

from django.db import transaction

from annotator.models import Project, Prompt
from annotator.models.personal_settings import primary_language
from annotator.models.prompts import PromptQuerySet
from training.models import Anchor

MOST, FEWEST = 32, 8
"""With fewer held-out prompts none are chosen yet: they would stay the only ones."""


@transaction.atomic
def choose_anchors(*, project: Project) -> PromptQuerySet:
    """The anchors that are in use; chosen now if there are none yet and enough held-out prompts."""
    if not Anchor.objects.filter(prompt__project=project).exists():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        available = list(project.prompts.available().held_out().order_by("content_hash"))
        if len(available) >= FEWEST:
            rows = [Anchor(prompt=prompt) for prompt in spread(available, MOST)]
            Anchor.objects.bulk_create(rows, ignore_conflicts=True)
    return project.prompts.in_use().filter(anchor__isnull=False)


def number_of_anchors(project: Project) -> int:
    """How many the next evaluation will ask: those in use, or as many as it will choose."""
    if Anchor.objects.filter(prompt__project=project).exists():
        return project.prompts.in_use().filter(anchor__isnull=False).count()
    available = project.prompts.available().held_out().count()
    return min(available, MOST) if available >= FEWEST else 0


def spread(prompts: list[Prompt], most: int) -> list[Prompt]:
    """At most so many, one of each language and first tag after another, in the given order within each."""
    groups: dict[tuple[str, str], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        subject = prompt.tags[0].casefold() if prompt.tags else ""
        groups[primary_language(prompt.language), subject].append(prompt)
    places = [(place, number) for number, group in enumerate(groups.values()) for place in range(len(group))]
    by_number = list(groups.values())
    return [by_number[number][place] for place, number in sorted(places)[:most]]
