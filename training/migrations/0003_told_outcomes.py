from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q


def tell_what_was_decided(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Outcomes of the versions that were evaluated before volunteers were told of any."""
    outcomes = apps.get_model("ranking", "Outcome").objects
    evaluations = apps.get_model("training", "Evaluation").objects.exclude(version__dataset=None)
    for evaluation in evaluations.select_related("version__dataset", "baseline").order_by("pk"):
        version = evaluation.version
        if outcomes.filter(candidate=version.author_id).exists():
            continue
        decision, decided_at = _decision(apps, evaluation)
        outcomes.create(
            project_id=version.project_id,
            dataset_id=version.dataset_id,
            candidate_id=version.author_id,
            baseline_id=evaluation.baseline.author_id,
            judge="reward_model" if evaluation.judge == "reward model" else "model",
            wins=evaluation.wins,
            ties=evaluation.ties,
            losses=evaluation.losses,
            volunteers=_people(apps, version.dataset),
            decision=decision,
            decided_at=decided_at,
        )


def _decision(apps: Any, evaluation: Any) -> tuple[str, Any]:
    version = evaluation.version
    if version.state == "candidate":
        return "waiting", None
    if version.state == "rejected":
        return "not_released", evaluation.created_at
    releases = apps.get_model("training", "Release").objects.order_by("-pk")
    release = releases.filter(version=version).first()
    gone_back = releases.filter(previous=version, is_rollback=True).first()
    if gone_back and version.state == "retired" and (release is None or release.pk < gone_back.pk):
        return "taken_back", gone_back.created_at
    return "released", release.created_at if release else evaluation.created_at


def _people(apps: Any, dataset: Any) -> int:
    judgments = apps.get_model("ranking", "Judgment").objects.filter(
        Q(correction=None) | Q(correction__pk__gt=dataset.last_judgment_id),
        comparison__round__project=dataset.project_id,
        verdict="ranked",
        pk__lte=dataset.last_judgment_id,
        volunteer__is_simulated=False,
    )
    return judgments.values("volunteer").distinct().count()


class Migration(migrations.Migration):
    dependencies = [("training", "0002_leases"), ("ranking", "0012_outcomes")]

    operations = [migrations.RunPython(tell_what_was_decided, migrations.RunPython.noop)]
