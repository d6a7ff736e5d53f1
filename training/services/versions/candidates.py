"""Making a candidate version of what an update's runs produced."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from annotator.models import Author, Project
from annotator.services.audit import record
from annotator.services.completions import get_or_create_author
from ranking.models import Outcome
from ranking.services import record_outcome
from training.models import Evaluation, ModelVersion, TrainingRun, Update
from training.services.telling import tell_candidate

from .files import adapter_sha256, put_in_place, staged_adapters

Stage = TrainingRun.Stage
REWARD_MODEL = "reward model"


def publish_candidate(update: Update) -> ModelVersion:
    """Publish the adapters of an update whose stages succeeded, store the candidate and end the update."""
    runs = {run.stage: run for run in update.runs.filter(state=TrainingRun.State.SUCCEEDED)}
    folder = Path("models") / update.project.slug
    adapters = {"policy": runs[Stage.PPO], "reward": runs[Stage.REWARD]}
    with (
        staged_adapters(update, adapters, Path(settings.DATA_DIR) / folder) as staged,
        transaction.atomic(),
    ):
        Project.objects.select_for_update(no_key=True).get(pk=update.project_id)
        version = _store_version(update, runs, folder)
        evaluation = _store_evaluation(version, update.parent, runs[Stage.EVALUATE].result["metrics"])
        _tell_volunteers(evaluation)
        update.finish(Update.State.SUCCEEDED, candidate=version, error="")
        record("version.created", actor=update.started_by, project=update.project, target=version)
        tell_candidate(version)
        # Last: whoever lost the lease ended above, and must not touch files that another worker published.
        put_in_place(staged, Path(settings.DATA_DIR) / folder / str(version.number))
    return version


def _store_version(update: Update, runs: dict[str, TrainingRun], folder: Path) -> ModelVersion:
    unfinished = update.runs.aggregate(seconds=Sum("unfinished_seconds"))["seconds"]
    latest = ModelVersion.objects.filter(project=update.project).first()
    number = latest.number + 1 if latest else 0
    return ModelVersion.objects.create(
        project=update.project,
        number=number,
        author=get_or_create_author(project=update.project, kind=Author.Kind.MODEL, name=f"Version {number}"),
        parent=update.parent,
        dataset=update.dataset,
        base_model=update.parent.base_model,
        adapter_path=str(folder / str(number) / "policy"),
        adapter_sha256=adapter_sha256(runs[Stage.PPO]),
        metrics=_metrics(runs, unfinished),
    )


def _metrics(runs: dict[str, TrainingRun], unfinished: float) -> dict[str, Any]:
    """What pages say of the version; `unfinished` are the seconds of attempts that did not succeed."""
    reward, evaluation = runs[Stage.REWARD].result["metrics"], runs[Stage.EVALUATE].result["metrics"]
    energy = [run.result.get("energy", {}).get("kwh") for run in runs.values()]
    seconds = {stage: run.result["seconds"] for stage, run in runs.items()}
    return {
        "reward_accuracy": reward.get("accuracy"),
        "reward_accuracy_low": reward.get("accuracy_low"),
        "reward_accuracy_high": reward.get("accuracy_high"),
        "kl": evaluation["kl"],
        "win_rate": evaluation["win_rate_ties_half"],
        "win_rate_low": evaluation["win_rate_ties_half_low"],
        "win_rate_high": evaluation["win_rate_ties_half_high"],
        "seconds": seconds,
        "unfinished_seconds": unfinished,
        # Without a power counter an estimate may be missing, and a sum of the rest would be wrong. Attempts
        # that did not succeed have none: they are counted at the power of those that did.
        "energy_kwh": None if None in energy else sum(energy) * (1 + unfinished / sum(seconds.values())),
    }


def _store_evaluation(version: ModelVersion, baseline: ModelVersion, metrics: dict[str, Any]) -> Evaluation:
    return Evaluation.objects.create(
        version=version,
        baseline=baseline,
        judge=metrics.get("judge", REWARD_MODEL)[:60],
        wins=int(metrics["wins"]),
        ties=int(metrics["ties"]),
        losses=int(metrics["losses"]),
        metrics=metrics,
    )


def _tell_volunteers(evaluation: Evaluation) -> None:
    version = evaluation.version
    assert version.dataset is not None
    is_reward = evaluation.judge == REWARD_MODEL
    record_outcome(
        dataset=version.dataset,
        candidate=version.author,
        baseline=evaluation.baseline.author,
        judge=Outcome.Judge.REWARD_MODEL if is_reward else Outcome.Judge.MODEL,
        wins=evaluation.wins,
        ties=evaluation.ties,
        losses=evaluation.losses,
    )
