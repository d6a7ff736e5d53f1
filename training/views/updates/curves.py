"""The curves of an update: what its stages reported, step by step."""

from training.launching.progress import Line, read_curve
from training.models import Update
from training.rlhf.stages import STAGES

CURVES = {metric: stage.name for stage in STAGES.values() for metric in stage.curves}
"""The stage that reports each metric which is drawn."""

Points = list[tuple[int, float]]


def curve_of(update: Update, stage: str) -> list[Line]:
    """What the newest run of a stage reported."""
    run = update.run_of(stage)
    return read_curve(run.folder) if run else []


def points_of(update: Update) -> dict[str, Points]:
    """Each curve as (step, value)."""
    lines = {stage: curve_of(update, stage) for stage in set(CURVES.values())}
    return {
        metric: [
            (line["step"], line["metrics"][metric]) for line in lines[stage] if metric in line["metrics"]
        ]
        for metric, stage in CURVES.items()
    }
