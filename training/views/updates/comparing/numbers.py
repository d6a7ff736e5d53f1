"""The numbers of two updates, each read from what their runs left: one that failed has some of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training.costs import cost_of
from training.models import TrainingRun, Update
from training.services.timeline import Expense
from training.templatetags.figures import decimal, duration, watt_hours
from training.views.results.numbers import with_interval
from training.views.updates.comparing.differences import NONE

Stage = TrainingRun.Stage


@dataclass(frozen=True)
class Measure:
    """A number of both updates."""

    label: str
    earlier: str
    later: str


def measures_of(earlier: Update, later: Update) -> list[Measure]:
    sides = list(_side(earlier)), list(_side(later))
    return [
        Measure(label, before, after)
        for (label, before), (_label, after) in zip(*sides, strict=True)
        if (before, after) != (NONE, NONE)
    ]


def _side(update: Update) -> Iterator[tuple[str, str]]:
    """The numbers of one update in an order that is the same for all."""
    runs = {run.stage: run for run in update.runs.all()}
    expense = Expense.of(runs.values())
    evaluation, reward = _metrics(runs.get(Stage.EVALUATE)), _metrics(runs.get(Stage.REWARD))
    pairs = update.dataset.pairs if update.dataset else None
    yield _("State"), str(update.get_state_display())
    yield _("Version"), str(update.candidate) if update.candidate else NONE
    yield _("Builds on"), str(update.parent)
    yield (
        _("Learned from"),
        NONE if pairs is None else ngettext("%(count)s pair", "%(count)s pairs", pairs) % {"count": pairs},
    )
    yield _("Win rate"), _said(evaluation, "win_rate_ties_half", with_interval)
    yield _("Distance (KL)"), _said(evaluation, "kl", lambda metrics, name: decimal(metrics[name]))
    yield _("Reward model accuracy"), _said(reward, "accuracy", with_interval)
    yield _("Computing time"), duration(expense.seconds) if expense.seconds else NONE
    known = expense.kwh is not None and expense.seconds
    yield _("Electricity"), f"≈ {watt_hours(expense.kwh)}" if known and expense.kwh is not None else NONE
    yield _("Cost"), cost_of(update.project, seconds=expense.seconds, kwh=expense.kwh) or NONE


def _metrics(run: TrainingRun | None) -> dict[str, Any]:
    metrics: dict[str, Any] = run.result.get("metrics", {}) if run else {}
    return metrics


def _said(metrics: dict[str, Any], name: str, write: Callable[[dict[str, Any], str], str]) -> str:
    return NONE if metrics.get(name) is None else write(metrics, name)
