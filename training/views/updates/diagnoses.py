"""What the curves of an update say about how its training went."""

from training.diagnosis import Report, diagnose
from training.diagnosis_sentences import Explained, explain_finding
from training.launching.progress import error_kind, read_curve
from training.models import TrainingRun, Update


def findings_of(update: Update) -> list[Explained]:
    """The curves that left their band, stage by stage; empty while the update waits or runs."""
    if update.is_active:
        return []
    newest = {run.stage: run for run in update.runs.all()}
    return [explain_finding(finding) for run in newest.values() for finding in diagnose(_report(run))]


def _report(run: TrainingRun) -> Report:
    return Report(
        stage=run.stage,
        curve=read_curve(run.folder),
        recipe=run.recipe,
        metrics=run.result.get("metrics", {}),
        error_kind=error_kind(run.folder) if run.state == run.State.FAILED else "",
    )
