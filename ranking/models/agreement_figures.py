"""How far people agree in any selection of judgments: as a whole, and told apart by what they are about."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from django.db.models import OuterRef, Subquery

from annotator.models import GuidelinesVersion
from annotator.models.personal_settings import primary_language
from ranking.statistics.agreement import (
    FEWEST_COMPARISONS,
    PairwiseAgreement,
    agreement_by_comparison,
    agreement_with_others,
    alpha_of_pairs,
    ordinal_alpha,
)
from ranking.statistics.ratios import Estimate, ratio_of

from .agreement import FEWEST_PAIRS
from .collected import Ranks, ranks_in
from .judgments import Judgment, JudgmentQuerySet, Rating

LEVEL = 0.95
MOST_RANKINGS = 20_000
"""So many are counted within a second; more would hardly narrow the intervals."""


def counted(judgments: JudgmentQuerySet) -> JudgmentQuerySet:
    """Those at the desk, without simulated volunteers and people whose judgments are left out."""
    return judgments.at_desk().of_people().without_excluded()


class Part(StrEnum):
    """What rankings are told apart by."""

    ALL = "all"
    ROUND = "round"
    GUIDELINES = "guidelines"
    LANGUAGE = "language"


class Ranking(NamedTuple):
    """One ranking and what it is told apart by; `guidelines` is the number of those in force, 0 for none."""

    judgment: int
    person: int
    round: int
    guidelines: int
    language: str
    all: str = ""


@dataclass(frozen=True)
class Figures:
    """How far `people` agree in so many rankings at the desk; simulated volunteers do not count.

    `raw` is how often two people prefer the same one of two answers, of `compared` pairs of votes. `pairs` is
    the alpha of what they prefer of two answers, `ranks` that of the ranks they give. Each is None where it
    cannot be told.
    """

    rankings: int
    people: int
    compared: int
    raw: Estimate | None
    pairs: Estimate | None
    ranks: Estimate | None

    @property
    def is_meaningful(self) -> bool:
        """Whether the votes are enough for the figures to mean something, and not to tell whose they are."""
        return self.compared >= FEWEST_PAIRS


class OfCriterion(NamedTuple):
    """How far people agree in rating answers by one criterion; None where it cannot be told."""

    criterion: str
    ratings: int
    alpha: Estimate | None


def newest_rankings(judgments: JudgmentQuerySet) -> tuple[JudgmentQuerySet, int]:
    """The rankings of people at the desk among current judgments, the newest if there are many, and how many
    older ones that leaves out.
    """
    ranked = counted(judgments).filter(verdict=Judgment.Verdict.RANKED)
    too_old = ranked.order_by("-pk").values_list("pk", flat=True)[MOST_RANKINGS : MOST_RANKINGS + 1]
    if not too_old:
        return ranked, 0
    return ranked.filter(pk__gt=too_old[0]), ranked.count() - MOST_RANKINGS


def agreement_in(judgments: JudgmentQuerySet) -> Figures:
    """How far people agree in current judgments; those of the chat have no part in it."""
    of_people = counted(judgments)
    return _figures(ranks_in(of_people), _rankings(of_people))


def agreement_by_part(judgments: JudgmentQuerySet) -> dict[Part, list[tuple[int | str, Figures]]]:
    """The same of all, and of each round, each version of the guidelines and each language, in order."""
    of_people = counted(judgments)
    ranks = ranks_in(of_people)
    groups: dict[Part, dict[int | str, list[Ranking]]] = {part: defaultdict(list) for part in Part}
    for one in _rankings(of_people):
        for part in Part:
            groups[part][getattr(one, part)].append(one)
    return {
        part: [(name, _figures(ranks, inside)) for name, inside in sorted(found.items())]
        for part, found in groups.items()
    }


def agreement_by_criterion(judgments: JudgmentQuerySet) -> list[OfCriterion]:
    """Of each criterion that people rated answers by, in alphabetical order."""
    rows = Rating.objects.filter(judgment__in=counted(judgments).order_by())
    given: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for criterion, *row in rows.order_by().values_list(
        "criterion", "judgment__comparison", "completion", "score"
    ):
        given[criterion].append(tuple(row))
    return [
        OfCriterion(criterion, len(found), ordinal_alpha(*np.array(found).T))
        for criterion, found in sorted(given.items())
    ]


def agreement_by_person(judgments: JudgmentQuerySet) -> dict[int, PairwiseAgreement]:
    """How often each person, by id, prefers what most of the others do, who are counted without them."""
    of_people = counted(judgments)
    ranks = ranks_in(of_people)
    person = {one.judgment: one.person for one in _rankings(of_people)}
    judgment, comparison, completion, rank = ranks
    given_by = np.array([person[each] for each in judgment.tolist()], np.int64)
    return agreement_with_others(judgment, comparison, completion, rank, given_by)


def _rankings(judgments: JudgmentQuerySet) -> list[Ranking]:
    before = GuidelinesVersion.objects.filter(
        project=OuterRef("comparison__round__project"), created_at__lte=OuterRef("created_at")
    )
    rows = (
        judgments.filter(verdict=Judgment.Verdict.RANKED)
        .order_by()
        .values_list(
            "pk",
            "volunteer",
            "comparison__round__number",
            Subquery(before.order_by("-number").values("number")[:1]),
            "comparison__prompt__language",
        )
    )
    return [
        Ranking(pk, person, number, guidelines or 0, primary_language(language))
        for pk, person, number, guidelines, language in rows
    ]


def _figures(ranks: Ranks, rankings: Sequence[Ranking]) -> Figures:
    ranks = ranks[:, np.isin(ranks[0], [one.judgment for one in rankings])]
    _judgment, comparison, completion, rank = ranks
    by_comparison = agreement_by_comparison(*ranks).values()
    return Figures(
        rankings=len(rankings),
        people=len({one.person for one in rankings}),
        compared=sum(each.compared for each in by_comparison),
        raw=_ratio(by_comparison),
        pairs=alpha_of_pairs(*ranks),
        ranks=ordinal_alpha(comparison, completion, rank),
    )


def _ratio(by_comparison: Collection[PairwiseAgreement]) -> Estimate | None:
    """The pooled share, from comparisons, whose votes go together."""
    agreed, compared = ([each[place] for each in by_comparison] for place in (0, 1))
    found = ratio_of(agreed, compared, LEVEL)
    if found is None or found.low is None or found.high is None:
        return found
    if len(by_comparison) < FEWEST_COMPARISONS:
        return Estimate(found.value, None, None)
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high))
