"""Which pairs of answers divide the people who judged them."""

from dataclasses import dataclass

from annotator.models import Completion
from ranking.statistics.consensus import Fit, find_consensus

from .collected import ballots_in
from .judgments import JudgmentQuerySet


@dataclass(frozen=True)
class DividedPair:
    """Two answers of a comparison, each with how many people preferred it; ties have no side."""

    comparison: int
    first: Completion
    second: Completion
    for_first: int
    for_second: int


def divided_in(judgments: JudgmentQuerySet, fit: Fit) -> list[DividedPair]:
    """The divided pairs among current judgments of people in a project with this fit, most votes first.

    Pairs of prompts that somebody has withdrawn are left out.
    """
    of_people = judgments.at_desk().of_people().without_excluded()
    of_people = of_people.filter(comparison__prompt__withdrawn_at=None)
    consensus = find_consensus(ballots_in(of_people), fit)
    found = consensus.votes.among(consensus.divided)
    texts = Completion.objects.select_related("prompt").in_bulk(
        [*found.first.tolist(), *found.second.tolist()]
    )
    columns = (found.comparison, found.first, found.second, found.for_first, found.for_second)
    pairs = [
        DividedPair(comparison, texts[first], texts[second], *votes)
        for comparison, first, second, *votes in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (-pair.for_first - pair.for_second, pair.first.pk, pair.second.pk))
