"""Which comparisons of a round are settled, and which are worth more votes."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, QuerySet

from ranking.statistics.consensus import Fit, find_consensus
from ranking.statistics.overlap import is_enough, settled_shares

from .assignments import Assignment
from .collected import ballots_in
from .judgments import Judgment
from .rounds import Comparison, Round


@dataclass(frozen=True)
class Contested:
    """A comparison about which people have not settled; `is_asked` where somebody may still judge it."""

    comparison: Comparison
    votes: int
    settled_share: float
    is_asked: bool


@dataclass(frozen=True)
class Standing:
    """How many comparisons of a round are settled, contested, or have one vote at most.

    `worth_more` are the contested ones, those of which least is settled first. Those that divide people are
    left out of it: they differ in taste, and more votes would not settle that.
    """

    settled: int
    few_votes: int
    contested: int
    divided: int
    worth_more: list[Contested]


def standing_of(current: Round, fit: Fit, most: int) -> Standing:
    """Counted anew from the votes, with `most` that are worth more; blind tests are left out."""
    comparisons = _ordinary(current)
    judgments = Judgment.objects.in_round(current).without_excluded().filter(comparison__in=comparisons)
    counts = judgments.order_by().values_list("comparison").annotate(votes=Count("pk"))
    votes = dict(counts)
    ballots = ballots_in(judgments)
    shares = settled_shares(*ballots.ranks)
    consensus = find_consensus(ballots, fit)
    settled = {pk for pk, share in shares.items() if is_enough(share)}
    contested = {pk for pk, count in votes.items() if count > 1} - settled
    divided = contested & set(consensus.votes.comparison[consensus.divided].tolist())
    wanted = sorted(contested - divided, key=lambda pk: (shares.get(pk, 0.0), votes[pk], pk))[:most]
    return Standing(
        settled=len(settled),
        few_votes=comparisons.count() - len(settled) - len(contested),
        contested=len(contested),
        divided=len(divided),
        worth_more=[
            Contested(one, votes[one.pk], shares.get(one.pk, 0.0), one.is_asked)  # type: ignore[attr-defined]
            for one in _in_order(wanted)
        ],
    )


def _ordinary(current: Round) -> QuerySet[Comparison]:
    tested = Assignment.objects.filter(comparison=OuterRef("pk"), number__lt=0)
    desk = current.comparisons.filter(source=Comparison.Source.DESK)
    return desk.order_by().exclude(Exists(tested))


def _in_order(wanted: list[int]) -> list[Comparison]:
    waiting = Assignment.objects.filter(comparison=OuterRef("pk")).exclude(state=Assignment.State.DONE)
    found = Comparison.objects.select_related("prompt").annotate(is_asked=Exists(waiting)).in_bulk(wanted)
    return [found[pk] for pk in wanted]
