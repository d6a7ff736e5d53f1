"""The stored plan of a project's next update, and whether it still holds."""

import math
from typing import Any

from annotator.models import Project
from ranking.models import Judgment
from training.models import ModelVersion, Schedule, UnpackedBase, UpdatePlan
from training.services.runs.recipes import Settings, settings_of
from training.services.runs.scoring import answers_per_comparison

# Counts that differ by less make no new plan necessary.
_NEARLY = 1.25
_FEW = 10


def current_plan(project: Project) -> UpdatePlan | None:
    """The plan of the next update by the project's settings; None when it is out of date or none was made."""
    return basis_and_plan(project)[1]


def basis_and_plan(project: Project) -> tuple[dict[str, Any] | None, UpdatePlan | None]:
    """What the next update is planned for, as `basis_of`, and the plan that was made for just that."""
    basis = basis_of(project)
    plan = UpdatePlan.objects.filter(project=project).first() if basis else None
    return basis, plan if plan and plan.basis == basis else None


def plan_for(project: Project, settings: Settings) -> dict[str, Any]:
    """The current plan as the engine printed it, if it is one for these settings; else empty."""
    current = current_plan(project)
    return current.plan if current and current.basis["settings"] == settings else {}


def basis_of(project: Project) -> dict[str, Any] | None:
    """What a plan is made for, roughly; None when there is nothing to plan yet."""
    live = ModelVersion.objects.live().filter(project=project).first()
    prompts = project.prompts.in_use()
    train, held_out = prompts.train().count(), prompts.held_out().count()
    waits_for_base = UnpackedBase.objects.not_there().filter(location=project.base_model).exists()
    if live is None or not train or not held_out or waits_for_base:
        return None
    newest = project.rounds.order_by("-pk").first()
    return {
        "version": live.pk,
        "minutes": minutes_of(project),
        "settings": settings_of(project),
        "answers": answers_per_comparison(project),
        "train": _roughly(train),
        "held_out": _roughly(held_out),
        "judgments": _roughly(Judgment.objects.of_project(project).count()),
        "round": newest.pk if newest else None,
    }


def minutes_of(project: Project) -> int:
    """How long an update of the project may take."""
    schedule = Schedule.objects.filter(project=project).first() or Schedule(project=project)
    return schedule.update_minutes


def _roughly(count: int) -> int:
    return count if count < _FEW else _FEW + round(math.log(count / _FEW, _NEARLY))
