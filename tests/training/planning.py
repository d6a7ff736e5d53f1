"""Plans as the engine prints them, without any having run."""

import json
from typing import Any

import pytest

from annotator.models import Project
from training.launching.engine_answers import EngineAnswer
from training.models import UpdatePlan
from training.services.plans import worker
from training.services.plans.worker import plan_next_update

CHOSEN: dict[str, dict[str, Any]] = {
    "reward": {"epochs": {"value": 1.0, "why": "time"}},
    "ppo": {
        "steps": {"value": 8, "why": "time"},
        "learning_rate": {"value": 0.0002, "why": "size"},
        "dtype": {"value": "bfloat16", "why": "machine"},
        "max_new_tokens": {"value": 96, "why": "answers"},
        "kl_stop": {"value": 10.0, "why": "length"},
        "micro_batch_size": {"value": 4, "why": "memory"},
        "checkpoint_every": {"value": 3, "why": "checkpoints"},
    },
    "generate": {"max_new_tokens": {"value": 96, "why": "answers"}},
    "evaluate": {"samples_per_prompt": {"value": 2, "why": "time"}},
}


def made_plan(**changes: Any) -> dict[str, Any]:
    """A plan of a model of 135 million parameters."""
    stages: dict[str, dict[str, Any]] = {
        stage: {"settings": settings, "seconds": 240.0, "memory": 1_500_000_000, "watts": 60.0}
        for stage, settings in CHOSEN.items()
    }
    for stage in ("reward", "ppo"):
        stages[stage]["every_weight"] = {"seconds": 600.0, "memory": 6_000_000_000}
    plan = {
        "parameters": 134_515_008,
        "machine": {"device": "processor", "memory": 16_000_000_000, "threads": 2, "bfloat16": True},
        "budget": 28_800.0,
        "pace": {},
        "answers": 300,
        "longest_answer": 95,
        "pairs": 60,
        "rows": {"ppo": 10, "generate": 12, "evaluate": 2},
        "seconds": {"total": 960.0, "low": 480.0, "high": 1920.0},
        "memory": 1_500_000_000,
        "stages": stages,
    }
    return plan | changes


def planner_prints(patch: pytest.MonkeyPatch, plan: dict[str, Any]) -> None:
    """Let the engine's planner print this."""
    patch.setattr(worker, "ask_engine", lambda *_, **__: EngineAnswer(0, json.dumps(plan), ""))


def store_plan(patch: pytest.MonkeyPatch, project: Project, **changes: Any) -> UpdatePlan:
    """The worker's job, with what the engine is to print."""
    planner_prints(patch, made_plan(**changes))
    plan_next_update(project.pk)
    return UpdatePlan.objects.get(project=project)
