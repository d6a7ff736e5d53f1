"""What came of an update: what a coordinator decides by, on the pages of the update and of the version."""

from typing import Any

from training.facts import live_facts, version_facts
from training.models import ModelVersion, Update
from training.services.versions.withdrawn_datasets import withdrawn_datasets

from .answers import answers_of
from .gate import gate_of
from .measured import changes_of
from .numbers import numbers_of
from .verdicts import verdict_of
from .warnings import warnings_of


def result_context(version: ModelVersion, update: Update | None) -> dict[str, Any]:
    """What `training/_result.html` shows of a version, which this update made if any did."""
    return {
        "version": version,
        "facts": version_facts(version),
        "live_facts": live_facts(version.project),
        "before": version.before if version.state == ModelVersion.State.LIVE else None,
        "taken_back": withdrawn_datasets(version.project).get(version.pk, []),
        "verdict": verdict_of(version),
        "warnings": warnings_of(version),
        "changes": changes_of(version),
        "gate": gate_of(version),
        "numbers": numbers_of(version),
        "answers": answers_of(update) if update else None,
    }
