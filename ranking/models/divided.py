"""Which pairs of answers divide the people who judged them."""

from dataclasses import dataclass

from annotator.models import Completion
from ranking.statistics.divided import find_divided

from .collected import ranks_in
from .judgments import JudgmentQuerySet


@dataclass(frozen=True)
class DividedPair:
    """Two answers of a comparison, each with how many people preferred it; ties have no side."""

    comparison: int
    first: Completion
    second: Completion
    for_first: int
    for_second: int


def divided_in(judgments: JudgmentQuerySet) -> list[DividedPair]:
    """The divided pairs among current judgments of people, those with most votes first.

    Pairs of prompts that somebody has withdrawn are left out.
    """
    of_people = judgments.at_desk().of_people().filter(comparison__prompt__withdrawn_at=None)
    found = find_divided(*ranks_in(of_people))
    texts = Completion.objects.select_related("prompt").in_bulk(
        [*found.first.tolist(), *found.second.tolist()]
    )
    columns = (found.comparison, found.first, found.second, found.for_first, found.for_second)
    pairs = [
        DividedPair(comparison, texts[first], texts[second], *votes)
        for comparison, first, second, *votes in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (-pair.for_first - pair.for_second, pair.first.pk, pair.second.pk))
