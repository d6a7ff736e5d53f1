"""How a candidate does in each language: one that is better overall may be worse for some."""

from collections import defaultdict
from dataclasses import dataclass

from annotator.languages import language_name
from annotator.models.personal_settings import primary_language
from ranking.statistics.proportions import Share
from training.models import ModelVersion, Update
from training.services.evaluations import held_out_keys, rows_of


@dataclass(frozen=True)
class Slice:
    """The win rate on so many held-out prompts of one language, a tie as half, with its 99 % interval.

    Of many languages one may look worse by chance: hence no narrower interval.
    """

    language: str
    prompts: int
    mean: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """The language's own name."""
        return language_name(self.language)

    @property
    def is_worse(self) -> bool:
        """Whether the live version is better there, beyond chance."""
        return self.high < 0.5


def slices_of(version: ModelVersion) -> list[Slice]:
    """Each language of the evaluation's prompts, the largest first; none where there is one, or no file.

    Answers to one prompt go together, so a prompt counts as one observation: the mean of its outcomes.
    """
    means = _means(version)
    languages = version.project.prompts.filter(pk__in=means).values_list("pk", "language")
    by_language: dict[str, list[float]] = defaultdict(list)
    for prompt, language in languages:
        by_language[primary_language(language)].append(means[prompt])
    if len(by_language) < 2:
        return []
    slices = [_slice(language, outcomes) for language, outcomes in by_language.items()]
    return sorted(slices, key=lambda each: (-each.prompts, each.language))


def _slice(language: str, outcomes: list[float]) -> Slice:
    won = Share(sum(outcomes), len(outcomes), chance=0.5)
    return Slice(language, won.trials, won.value, *won.interval)


def _means(version: ModelVersion) -> dict[int, float]:
    """The mean outcome of each held-out prompt in the evaluation of the update that made the version."""
    update = Update.objects.filter(candidate=version).first()
    keys, outcomes = held_out_keys(version.project), defaultdict(list)
    for row in rows_of(update) if update else ():
        if row.prompt_id in keys:
            outcomes[keys[row.prompt_id]].append(row.outcome)
    return {prompt: sum(each) / len(each) for prompt, each in outcomes.items()}
