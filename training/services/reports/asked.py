"""What a round asked."""

from collections import Counter
from dataclasses import dataclass

from annotator.codes.languages import language_name
from annotator.models import Prompt
from annotator.models.personal_settings import primary_language
from ranking.models import Comparison, Round

SHOWN = 6
MOST_TAGS = 12


@dataclass(frozen=True)
class Asked:
    """So many `prompts` by language and tag, the largest first, and some of them, spread evenly over all."""

    prompts: int
    languages: list[tuple[str, int]]
    tags: list[tuple[str, int]]
    some: list[Prompt]


def asked_in(round_: Round) -> Asked:
    """The prompts whose answers people were given to rank; some of those that nobody has withdrawn."""
    compared = Comparison.objects.filter(round=round_, source=Comparison.Source.DESK)
    prompts = Prompt.objects.filter(pk__in=compared.values("prompt"))
    languages: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    names: dict[str, str] = {}
    for language, given in prompts.order_by("pk").values_list("language", "tags"):
        languages[language_name(primary_language(language))] += 1
        tags.update({tag.casefold() for tag in given})
        for tag in given:
            names.setdefault(tag.casefold(), tag)
    ids = list(prompts.in_use().order_by("pk").values_list("pk", flat=True))
    some = [ids[i * len(ids) // SHOWN] for i in range(SHOWN)] if len(ids) > SHOWN else ids
    return Asked(
        languages.total(),
        languages.most_common(),
        [(names[tag], count) for tag, count in tags.most_common(MOST_TAGS)],
        list(prompts.filter(pk__in=some)),
    )
