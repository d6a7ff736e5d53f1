"""What a round will have come to, at the pace of the last days."""

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from django.db.models import Count
from django.utils import timezone

from .collected import Collected
from .progress import Progress, Tally
from .rounds import Round

HORIZON_DAYS, LONGEST_DAYS = 7, 365


@dataclass(frozen=True)
class Forecast:
    """At `per_day` judgments a day there will be so many decided `pairs` on `day`, a week from now or sooner.

    The round is judged to its end on `ends_on`; None where that takes more than a year.
    """

    per_day: float
    day: date
    pairs: int
    ends_on: date | None


def forecast_of(current: Round, progress: Progress, collected: Collected) -> Forecast | None:
    """None where nobody ranked in the last days, nothing is decided yet, or all is judged.

    A judgment is taken to decide as many pairs as those so far.
    """
    per_day = Tally.objects.filter(round__project=current.project_id).per_day()
    left = progress.total - progress.done
    if not per_day or not collected.pairs or left <= 0:
        return None
    today, days = timezone.localdate(), ceil(left / per_day)
    horizon = min(days, HORIZON_DAYS)
    coming = min(per_day * horizon, left) * collected.pairs / collected.judgments
    return Forecast(
        per_day=per_day,
        day=today + timedelta(days=horizon),
        pairs=min(round(collected.pairs + coming), _pairs_in(current)),
        ends_on=today + timedelta(days=days) if days <= LONGEST_DAYS else None,
    )


def _pairs_in(current: Round) -> int:
    """How many pairs of answers its comparisons have."""
    sizes = current.comparisons.ordinary().order_by().annotate(size=Count("items"))
    return sum(size * (size - 1) // 2 for size in sizes.values_list("size", flat=True))
