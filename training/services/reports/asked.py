"""What a round asked."""

from dataclasses import dataclass

from django.db.models import Count

from annotator.languages import language_name
from annotator.models import Prompt
from annotator.models.personal_settings import primary_language
from ranking.models import Comparison, Round

SHOWN = 6


@dataclass(frozen=True)
class Asked:
    """So many `prompts` by language, the largest first, and some of them, spread evenly over all."""

    prompts: int
    languages: list[tuple[str, int]]
    some: list[Prompt]


def asked_in(round_: Round) -> Asked:
    """The prompts whose answers people were given to rank; some of those that nobody has withdrawn."""
    compared = Comparison.objects.filter(round=round_, source=Comparison.Source.DESK)
    prompts = Prompt.objects.filter(pk__in=compared.values("prompt"))
    counts: dict[str, int] = {}
    for language, count in prompts.order_by().values_list("language").annotate(count=Count("pk")):
        primary = primary_language(language)
        counts[primary] = counts.get(primary, 0) + count
    languages = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ids = list(prompts.in_use().order_by("pk").values_list("pk", flat=True))
    some = [ids[i * len(ids) // SHOWN] for i in range(SHOWN)] if len(ids) > SHOWN else ids
    return Asked(
        sum(counts.values()),
        [(language_name(language), count) for language, count in languages],
        list(prompts.filter(pk__in=some)),
    )
