"""The curves of two updates as tables, for those who do not see the chart."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from training.models import Update
from training.views.results.answers import spread
from training.views.updates.curves import points_of

ROWS = 12


@dataclass(frozen=True)
class CurveTable:
    """Some steps of a curve as (step, earlier, later); None where an update did not report the step."""

    metric: str
    label: str
    rows: list[tuple[int, float | None, float | None]]


def curve_tables(earlier: Update, later: Update) -> list[CurveTable]:
    """A table for each curve that either update has, of steps spread evenly from first to last."""
    labels = {"score": _("Reward"), "kl": _("Distance (KL)"), "accuracy": _("Reward model accuracy")}
    before, after = points_of(earlier), points_of(later)
    tables = []
    for metric in before:
        one, other = dict(before[metric]), dict(after[metric])
        steps = sorted(one.keys() | other.keys())
        chosen = [steps[i] for i in _with_last(len(steps))]
        if chosen:
            rows = [(step, one.get(step), other.get(step)) for step in chosen]
            tables.append(CurveTable(metric, labels.get(metric, metric), rows))
    return tables


def _with_last(count: int) -> list[int]:
    """Evenly spread places of which the last is among them: how a curve ended is what is asked for."""
    return sorted({*spread(count, ROWS), count - 1}) if count else []
