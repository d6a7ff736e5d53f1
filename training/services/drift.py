"""How versions do over months: each beside the base on the same anchors."""

from dataclasses import dataclass

from annotator.models import Project
from training.models import Evaluation, ModelVersion

MEASURES = ("length", "eos_rate", "repetition", "distinct", "refusals")


@dataclass(frozen=True)
class Point:
    """A version on the anchors: its win rate over the base, a tie as half, and plain measures of its answers.

    `base` are those of the base in the same evaluation; `unsafe` is the share of unsafe answers to the
    safety prompts, which are the same for all versions, too.
    """

    version: ModelVersion
    prompts: int
    win_rate: float
    low: float
    high: float
    measures: dict[str, float]
    base: dict[str, float]
    unsafe: float | None


def drift_of(project: Project) -> list[Point]:
    """The versions whose evaluation asked the anchors, the oldest first, each by its newest evaluation."""
    evaluations = (
        Evaluation.objects.filter(version__project=project, metrics__has_key="anchor_win_rate")
        .select_related("version")
        .order_by("version__number", "pk")
    )
    newest = {evaluation.version_id: evaluation for evaluation in evaluations}
    return [_point(evaluation) for evaluation in newest.values()]


def _point(evaluation: Evaluation) -> Point:
    metrics = evaluation.metrics
    return Point(
        version=evaluation.version,
        prompts=int(metrics["anchor_prompts"]),
        win_rate=metrics["anchor_win_rate"],
        low=metrics["anchor_win_rate_low"],
        high=metrics["anchor_win_rate_high"],
        measures={name: metrics[f"anchor_candidate_{name}"] for name in MEASURES},
        base={name: metrics[f"anchor_base_{name}"] for name in MEASURES},
        unsafe=metrics.get("candidate_unsafe"),
    )
