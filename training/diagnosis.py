"""Which curves of a training stage left the band in which trainings that go well stay.

Takes what the engine reported, and finds no causes: the words are in `diagnosis_sentences`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from training.launching.progress import Line

# One odd step is chance, so what counts is the median of so many of the last steps.
RECENT = 5
# Updates of the demonstration, which go well, stay above -0.6; below, a constant would predict far better.
EXPLAINED_VARIANCE = -1.0
# They keep three quarters of the entropy that they began with.
ENTROPY_KEPT = 0.25
ENDED = 0.05
# In deviations of the earlier version's scores; a training that goes well gains one.
SCORE_LOST = 0.5
CHANCE = 0.5
# In training, which sees the same pairs again, less than this is next to chance.
TRAINING_ACCURACY = 0.55
# Gradients are cut to a length of 1; those of the demonstration are 1 to 5 long before.
GRADIENT = 20.0


@dataclass(frozen=True)
class Finding:
    """A curve outside its band: the value that it had and the bound, where there are such numbers.

    `step` is the first from which on it stayed outside.
    """

    stage: str
    name: str
    value: float | None = None
    bound: float | None = None
    step: int | None = None


@dataclass(frozen=True)
class Report:
    """What there is to know of a run: its curve, recipe, results, and the kind of error it ended with."""

    stage: str
    curve: Sequence[Line]
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]
    error_kind: str = ""


def diagnose(report: Report) -> list[Finding]:
    """What left its band, the worst first; empty for stages whose curves say nothing of this."""
    checks: dict[str, tuple[Callable[[Report], Finding | None], ...]] = {
        "reward": (_diverged, _guessing, _gradient),
        "ppo": (_diverged, _kl, _score, _entropy, _cut_off, _explained_variance),
    }
    return [finding for check in checks.get(report.stage, ()) if (finding := check(report))]


def _diverged(report: Report) -> Finding | None:
    """Loss, gradient or KL was no finite number, which no line of progress says: the engine stops first."""
    if report.error_kind != "diverged":
        return None
    return Finding(report.stage, "diverged", step=report.curve[-1]["step"] if report.curve else None)


def _kl(report: Report) -> Finding | None:
    stop = _number(report.recipe, "kl_stop")
    if stop is None:
        return None
    values = [value for _step, value in _values(report, "kl")]
    beyond = bool(values) and values[-1] > stop
    if not (report.metrics.get("stopped_by_kl") or beyond):
        return None
    return Finding("ppo", "kl", max(values, default=None), stop, report.curve[-1]["step"] if values else None)


def _guessing(report: Report) -> Finding | None:
    """By held-out pairs where there were some, else by the pairs that it learned from."""
    low, right = _number(report.metrics, "accuracy_low"), _number(report.metrics, "accuracy")
    if low is not None and right is not None:
        return Finding("reward", "guessing", right, CHANCE) if low <= CHANCE else None
    return _outside(report, "accuracy", lambda value: value < TRAINING_ACCURACY, CHANCE, "not_learning")


def _gradient(report: Report) -> Finding | None:
    return _outside(report, "grad_norm", lambda value: value > GRADIENT, 1.0)


def _score(report: Report) -> Finding | None:
    points = _values(report, "normalised_score")
    if len(points) < 2 * RECENT:
        return None
    first = median(value for _step, value in points[:RECENT])
    lost = _outside(report, "normalised_score", lambda value: value < first - SCORE_LOST, first, "score")
    if lost is None or lost.value is None:
        return None
    return Finding("ppo", "score", first - lost.value, SCORE_LOST, lost.step)


def _entropy(report: Report) -> Finding | None:
    points = _values(report, "entropy")
    if not points or points[0][1] <= 0:
        return None
    first = points[0][1]
    return _outside(report, "entropy", lambda value: value < ENTROPY_KEPT * first, first)


def _cut_off(report: Report) -> Finding | None:
    return _outside(report, "eos_rate", lambda value: value <= ENDED, ENDED, "cut_off")


def _explained_variance(report: Report) -> Finding | None:
    return _outside(report, "explained_variance", lambda value: value < EXPLAINED_VARIANCE, 0.0)


def _outside(
    report: Report, metric: str, is_outside: Callable[[float], bool], bound: float, name: str = ""
) -> Finding | None:
    """A finding where the median of the last steps is outside; None while there are too few of them."""
    points = _values(report, metric)
    if len(points) < RECENT:
        return None
    value = median(value for _step, value in points[-RECENT:])
    if not is_outside(value):
        return None
    since = points[-RECENT][0]
    for step, each in reversed(points):
        if not is_outside(each):
            break
        since = step
    return Finding(report.stage, name or metric, value, bound, since)


def _values(report: Report, metric: str) -> list[tuple[int, float]]:
    return [(line["step"], line["metrics"][metric]) for line in report.curve if metric in line["metrics"]]


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None
