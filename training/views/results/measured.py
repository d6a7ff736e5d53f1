"""What an evaluation measured of the answers of both versions: before and now."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training.models import ModelVersion
from training.templatetags.figures import decimal, percent


@dataclass(frozen=True)
class Number:
    """A row of the table; `before` is empty where the version before has no such number."""

    label: str
    now: str
    meaning: str
    before: str = ""
    detail: str = ""


SHARES: dict[str, tuple[Promise, Promise]] = {
    "distinct": (
        gettext_lazy("Variety"),
        gettext_lazy(
            "The share of different word pairs in answers to different questions. It falls when answers "
            "become alike."
        ),
    ),
    "repetition": (
        gettext_lazy("Repetition"),
        gettext_lazy("The share of an answer that it has said before in the same words."),
    ),
    "eos_rate": (
        gettext_lazy("Answers that ended by themselves"),
        gettext_lazy("The others were cut off because they became too long."),
    ),
    "refusals": (
        gettext_lazy("Refusals"),
        gettext_lazy("The share of answers to held-out questions that refuse."),
    ),
    "unsafe": (
        gettext_lazy("Unsafe answers"),
        gettext_lazy(
            "The share of answers to the safety prompts flagged by a program, which does not find everything."
        ),
    ),
}
WORSE_LOWER = ("distinct", "eos_rate")
"""Of these less is worse, and of the other shares more."""
# What may change by much before a watch is crossed, so that it is told beside the decision in any case.
TOLD = ("length", "distinct", "unsafe")


def measured_of(version: ModelVersion) -> dict[str, Number]:
    """The measures of a version's newest evaluation by their names; empty where nothing was compared."""
    evaluation = version.evaluations.first()
    metrics = evaluation.metrics if evaluation else {}
    if "baseline_length" not in metrics:
        return {}
    shares = {name: _share(metrics, name) for name in SHARES if f"baseline_{name}" in metrics}
    return {"length": _length(metrics), **shares}


def changes_of(version: ModelVersion) -> list[Number]:
    measured = measured_of(version)
    return [measured[name] for name in TOLD if name in measured]


def worse_of(version: ModelVersion) -> list[Number]:
    """The shares that are worse than before, as far as a page's whole percents tell."""
    evaluation = version.evaluations.first()
    metrics = evaluation.metrics if evaluation else {}
    return [
        number
        for name, number in measured_of(version).items()
        if name in SHARES and number.before != number.now and _is_worse(metrics, name)
    ]


def _is_worse(metrics: dict[str, Any], name: str) -> bool:
    before, now = (metrics[f"{side}_{name}"] for side in ("baseline", "candidate"))
    return bool(now < before if name in WORSE_LOWER else now > before)


def _length(metrics: dict[str, Any]) -> Number:
    # As the watch compares: an answer that was cut off has the length of the limit, whoever gave it.
    ended = metrics.get("baseline_ended_length") and metrics.get("candidate_ended_length")
    name = "ended_length" if ended else "length"
    return Number(
        _("Length of the answers"),
        decimal(metrics[f"candidate_{name}"], 0),
        _("In tokens: words or parts of words. Long answers often score well without being better."),
        decimal(metrics[f"baseline_{name}"], 0),
    )


def _share(metrics: dict[str, Any], name: str) -> Number:
    label, meaning = SHARES[name]
    before, now = (percent(metrics[f"{side}_{name}"]) for side in ("baseline", "candidate"))
    return Number(str(label), now, str(meaning), before)
