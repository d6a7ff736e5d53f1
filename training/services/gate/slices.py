"""How a candidate does in each language, on each subject, for each group: it may be worse there."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, pstdev

from annotator.codes.languages import language_name
from annotator.models import Prompt
from annotator.models.personal_settings import primary_language
from ranking.models import Comparison, Judgment, Round
from ranking.models.agreement import FEWEST_PAIRS
from ranking.models.collected import ranks_in
from ranking.statistics.agreement import PairwiseAgreement, agreement_by_comparison
from ranking.statistics.proportions import Share
from ranking.statistics.ratios import Estimate, ratio_of
from training.models import GroupFigure, ModelVersion, Update
from training.services.evaluations import Row, keys_of, rows_of

LEVEL = 0.99
"""Of all slices of prompts together, and of all groups: of many, one may look worse by chance, so each has an
interval as much wider."""
FEWEST_OF_A_TAG = 5
"""Held-out prompts, below which a tag is left out: hardly anything could be told of it."""
TENS = 10
Measure = GroupFigure.Measure


class Kind(StrEnum):
    LANGUAGE = "language"
    TAG = "tag"
    GROUP = "group"


@dataclass(frozen=True)
class Slice:
    """What the prompts of one language or tag, or the people of one group, say of a candidate beside the live
    version.

    `size` is how many they are: held-out prompts, or people in tens, as more precise numbers would tell from
    test to test who joined. `won` is the win rate, a tie as half: in the evaluation, or in people's votes.
    `gain` is the rise of the reward model's score in standard deviations of the live version's scores, for
    prompts; `rewarded` how often that model prefers the same answer as these people. `agreement` is how often
    two people agreed in the round, on all its prompts of the slice, or people of the group with anybody.
    """

    kind: Kind
    name: str
    size: int
    won: Estimate
    gain: Estimate | None = None
    rewarded: Estimate | None = None
    agreement: Estimate | None = None

    @property
    def is_worse(self) -> bool:
        """Whether the live version is better there, beyond chance."""
        return self.won.high is not None and self.won.high < 0.5


def slices_of(version: ModelVersion) -> list[Slice]:
    """Languages, tags, and the groups that a blind test of it has counted."""
    return [*_of_prompts(version), *_of_groups(version)]


def _of_groups(version: ModelVersion) -> list[Slice]:
    figures = list(GroupFigure.objects.filter(test__candidate=version))
    by_group: dict[str, dict[str, Estimate]] = defaultdict(dict)
    for each in figures:
        by_group[each.name][each.measure] = Estimate(each.value, each.low, each.high)
    sizes = {each.name: each.people // TENS * TENS for each in figures if each.measure == Measure.WON}
    return [Slice(Kind.GROUP, name, size, **by_group[name]) for name, size in sizes.items()]


def _of_prompts(version: ModelVersion) -> list[Slice]:
    """Each language of the evaluation's prompts, then each tag, the largest first; none without its file.

    Languages are none where there is one. Answers to one prompt go together, so a prompt counts as one
    observation: the mean of its outcomes. Judgments of one prompt go together, too.
    """
    update = Update.objects.filter(candidate=version).select_related("round", "project").first()
    means = _means(update) if update else {}
    if update is None or not means:
        return []
    groups = _groups(version.project.prompts.filter(pk__in=means))
    agreements = _agreements(update.round) if update.round else {}
    level = 1 - (1 - LEVEL) / max(1, len(groups))
    slices = []
    for label, (name, prompts) in groups.items():
        won = Share(sum(means[pk][0] for pk in prompts), len(prompts), chance=0.5)
        gain = ratio_of([means[pk][1] for pk in prompts], [1] * len(prompts), level)
        agreement = _agreement(agreements.get(label, []), level)
        estimate = Estimate(won.value, *won.interval_at(level))
        slices.append(Slice(label[0], name, len(prompts), estimate, gain=gain, agreement=agreement))
    return sorted(slices, key=lambda each: (each.kind, -each.size, each.name))


Label = tuple[Kind, str]


def _groups(prompts: Iterable[Prompt]) -> dict[Label, tuple[str, list[int]]]:
    """The name and the prompts of each slice that is large enough."""
    found: dict[Label, tuple[str, list[int]]] = {}
    for prompt in prompts:
        for label, name in _labels_of(prompt.language, prompt.tags).items():
            found.setdefault(label, (name, []))[1].append(prompt.pk)
    languages = sum(kind == Kind.LANGUAGE for kind, _key in found)
    return {
        label: (name, pks)
        for label, (name, pks) in found.items()
        if (languages > 1 if label[0] == Kind.LANGUAGE else len(pks) >= FEWEST_OF_A_TAG)
    }


def _labels_of(language: str, tags: Collection[str]) -> dict[Label, str]:
    """The slices that a prompt is in, with their names; tags that differ in capitals alone are one."""
    primary = primary_language(language)
    named = {(Kind.TAG, tag.casefold()): tag for tag in tags}
    return {(Kind.LANGUAGE, primary): language_name(primary), **named}


def _means(update: Update) -> dict[int, tuple[float, float]]:
    """Of each held-out prompt in the evaluation: its mean outcome, and its mean gain in deviations."""
    keys, rows = keys_of(update.project.prompts.held_out()), defaultdict[int, list[Row]](list)
    compared = rows_of(update)
    for row in compared:
        if row.prompt_id in keys:
            rows[keys[row.prompt_id]].append(row)
    scale = (pstdev(row.score_before for row in compared) if compared else 0.0) or 1.0
    return {
        prompt: (fmean(row.outcome for row in each), fmean(row.gain for row in each) / scale)
        for prompt, each in rows.items()
    }


def _agreements(round_: Round) -> dict[Label, list[PairwiseAgreement]]:
    """The agreement of people on each prompt of the slices of a round."""
    of_people = Judgment.objects.in_round(round_).at_desk().of_people().without_excluded()
    found = agreement_by_comparison(*ranks_in(of_people))
    compared = Comparison.objects.filter(pk__in=found).values_list(
        "pk", "prompt", "prompt__language", "prompt__tags"
    )
    by_prompt: dict[Label, dict[int, list[PairwiseAgreement]]] = defaultdict(lambda: defaultdict(list))
    for pk, prompt, language, tags in compared:
        for label in _labels_of(language, tags):
            by_prompt[label][prompt].append(found[pk])
    return {
        label: [PairwiseAgreement(*map(sum, zip(*each, strict=True))) for each in prompts.values()]
        for label, prompts in by_prompt.items()
    }


def _agreement(prompts: list[PairwiseAgreement], level: float) -> Estimate | None:
    if sum(each.compared for each in prompts) < FEWEST_PAIRS:
        return None
    found = ratio_of([each.agreed for each in prompts], [each.compared for each in prompts], level)
    if found is None or found.low is None or found.high is None:
        return found
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high))
