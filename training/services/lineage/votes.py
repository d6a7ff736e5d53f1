"""What a dataset was made of, counted from the rows that are still there."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from annotator.models import Split
from ranking.models import Comparison, Dataset, Inclusion, Judgment
from ranking.models.exclusions import is_excluded
from ranking.services.dataset_rows import FilePairs

RANKED = Judgment.Verdict.RANKED
ROUND, VOLUNTEER, SIMULATED = "comparison__round__number", "volunteer", "volunteer__is_simulated"
COUNTS = {
    "judgments": Count("pk"),
    "all_bad": Count("pk", filter=Q(verdict=Judgment.Verdict.ALL_BAD)),
    "cannot_rank": Count("pk", filter=Q(verdict=Judgment.Verdict.CANNOT_RANK)),
    "held_out": Count("pk", filter=Q(comparison__prompt__split=Split.HELD_OUT)),
    "late": Count("pk", filter=Q(late=True)),
    "chat": Count("pk", filter=Q(comparison__source=Comparison.Source.CHAT)),
}
"""Of judgments, what can be summed."""


@dataclass(frozen=True)
class RoundPart:
    """The judgments of one round in a dataset; `round` is its number, None for all rounds together.

    `people` and `simulated` are volunteers, `of_simulated` judgments.
    """

    round: int | None
    judgments: int
    of_simulated: int
    people: int
    simulated: int
    all_bad: int
    cannot_rank: int
    held_out: int
    late: int
    chat: int

    @property
    def ranked(self) -> int:
        return self.judgments - self.all_bad - self.cannot_rank


@dataclass(frozen=True)
class LeftOut:
    """Judgments of the project that the dataset does not hold, by the reason: those that came before it was
    taken and were `corrected` or taken back, were about a prompt taken `out`, were of people `excluded` then,
    or came in at that `moment`; and the `later`.
    """

    corrected: int
    out: int
    excluded: int
    moment: int
    later: int


@dataclass(frozen=True)
class Undecided:
    """Judged comparisons without a pair: nobody `ranked` them, or no side of any pair had more votes."""

    unranked: int
    tied: int


def parts_of(dataset: Dataset) -> tuple[RoundPart, list[RoundPart]]:
    """All rounds together, and each round that the dataset's judgments are of, in order.

    One look at the judgments, grouped by volunteer, too: who judged in several rounds counts once in all.
    """
    counted = Judgment.objects.counted_in(dataset).order_by(ROUND).values(ROUND, VOLUNTEER, SIMULATED)
    rows = list(counted.annotate(**COUNTS))
    rounds = [_part(number, list(each)) for number, each in groupby(rows, key=itemgetter(ROUND))]
    return _part(None, rows), rounds


def left_out_of(dataset: Dataset) -> LeftOut:
    held = Inclusion.objects.at(dataset.number).filter(judgment=OuterRef("pk"))
    others = Judgment.objects.ordinary().filter(~Exists(held), comparison__round__project=dataset.project_id)
    by_then = Q(pk__lte=dataset.last_judgment_id)
    corrected = Q(correction__isnull=False) | Q(taken_back_at__isnull=False)
    out = Q(comparison__prompt__withdrawn_at__isnull=False)
    excluded = Q(is_excluded("comparison__round__project", at=dataset.created_at))
    counts = others.order_by().aggregate(
        corrected=Count("pk", filter=by_then & corrected),
        out=Count("pk", filter=by_then & ~corrected & out),
        excluded=Count("pk", filter=by_then & ~corrected & ~out & excluded),
        moment=Count("pk", filter=by_then & ~corrected & ~out & ~excluded),
        later=Count("pk", filter=~by_then & Q(is_current=True)),
    )
    return LeftOut(**counts)


def undecided_in(dataset: Dataset, files: Iterable[FilePairs]) -> Undecided:
    """Comparisons that people judged and of which no pair is in the dataset's files."""
    decided = {comparison for each in files for comparison in each.comparison.tolist()}
    judged = Judgment.objects.counted_in(dataset).order_by().values("comparison")
    counted = judged.annotate(ranked=Count("pk", filter=Q(verdict=RANKED)))
    rankings = counted.values_list("comparison", "ranked")
    left = [ranked for comparison, ranked in rankings if comparison not in decided]
    return Undecided(unranked=sum(not ranked for ranked in left), tied=sum(ranked > 0 for ranked in left))


def _part(number: int | None, rows: list[dict[str, Any]]) -> RoundPart:
    """The sum of rows, one for a volunteer in a round."""
    of_simulated = [row for row in rows if row[SIMULATED]]
    simulated = {row[VOLUNTEER] for row in of_simulated}
    return RoundPart(
        round=number,
        of_simulated=sum(row["judgments"] for row in of_simulated),
        people=len({row[VOLUNTEER] for row in rows} - simulated),
        simulated=len(simulated),
        **{name: sum(row[name] for row in rows) for name in COUNTS},
    )
