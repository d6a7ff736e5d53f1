"""The numbers of a version, each with one sentence of what it means."""

from typing import Any

from django.utils.translation import gettext as _

from training.costs import cost_of
from training.models import ModelVersion
from training.templatetags.figures import decimal, duration, percent, watt_hours

from .measured import Number, measured_of


def numbers_of(version: ModelVersion) -> list[Number]:
    """The numbers of a version; none for the base, which nobody trained."""
    metrics = version.metrics
    if not metrics:
        return []
    return [
        _win_rate(version),
        _kl(metrics),
        _accuracy(metrics),
        *measured_of(version).values(),
        _energy(metrics),
        _time(metrics),
        *_cost(version),
    ]


def _win_rate(version: ModelVersion) -> Number:
    evaluation = version.evaluations.first()
    counts = ""
    if evaluation is not None:
        counts = _("%(wins)s won, %(ties)s tied, %(losses)s lost; against %(baseline)s") % {
            "wins": evaluation.wins,
            "ties": evaluation.ties,
            "losses": evaluation.losses,
            "baseline": evaluation.baseline,
        }
    return Number(
        _("Win rate"),
        with_interval(version.metrics, "win_rate"),
        _(
            "How often its answer was rated better than that of the version before, on questions neither "
            "was trained on, a tie counted as half."
        ),
        detail=counts,
    )


def _kl(metrics: dict[str, Any]) -> Number:
    return Number(
        _("Distance (KL)"),
        decimal(metrics["kl"]),
        _(
            "How far it has moved from the version before. At 1 nat it gives its answers about 2.7 times as "
            "readily as that version would. Near 0 hardly anything changed; a large distance together with "
            "strange answers means that it learned to please the reward model instead of people."
        ),
        detail=_("nats an answer"),
    )


def _accuracy(metrics: dict[str, Any]) -> Number:
    measured = metrics["reward_accuracy"] is not None
    return Number(
        _("Reward model accuracy"),
        with_interval(metrics, "reward_accuracy") if measured else _("not measured"),
        _(
            "How often the reward model agrees with volunteers on new questions. 50 % is guessing; "
            "volunteers who disagree among themselves keep it below 100 %."
        ),
        detail="" if measured else _("There were no judgments on held-out prompts."),
    )


def _energy(metrics: dict[str, Any]) -> Number:
    known = metrics["energy_kwh"] is not None
    return Number(
        _("Electricity"),
        f"≈ {watt_hours(metrics['energy_kwh'])}" if known else _("unknown"),
        _("What all stages used. Boiling a litre of water takes about 100 Wh."),
        detail=_("estimated from the machine's load"),
    )


def _time(metrics: dict[str, Any]) -> Number:
    unfinished = metrics.get("unfinished_seconds", 0.0)
    words = _("%(duration)s of it in attempts that did not succeed")
    return Number(
        _("Computing time"),
        duration(seconds_of(metrics)),
        _("How long all stages took on this machine, waiting left out."),
        detail=words % {"duration": duration(unfinished)} if unfinished >= 1 else "",
    )


def _cost(version: ModelVersion) -> list[Number]:
    """Its cost; no number where the project has no price for it."""
    kwh = version.metrics["energy_kwh"]
    cost = cost_of(version.project, seconds=seconds_of(version.metrics), kwh=kwh)
    meaning = _(
        "What electricity and machine cost for all stages, at the prices in the settings. Attempts that did "
        "not succeed are counted."
    )
    return [Number(_("Cost"), f"≈ {cost}", meaning, detail=_("an estimate"))] if cost else []


def seconds_of(metrics: dict[str, Any]) -> float:
    """How long engines worked on a version, attempts that did not succeed among it."""
    return float(sum(metrics["seconds"].values()) + metrics.get("unfinished_seconds", 0.0))


def with_interval(metrics: dict[str, Any], name: str) -> str:
    """A share of metrics, with its interval where one was measured."""
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    share = percent(metrics[name])
    if low is None or high is None:
        return share
    return f"{share} ({percent(low)}\N{NO-BREAK SPACE}–\N{NO-BREAK SPACE}{percent(high)})"
