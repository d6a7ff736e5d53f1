"""What an update will take or was given, as sentences that a page can show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotator.models import Project
from training.costs import cost_of
from training.models import Update
from training.rlhf import stages as engine
from training.services.plans.stored import basis_and_plan
from training.services.runs.recipes import SETTABLE
from training.templatetags.figures import duration

_SHORT_OF_MEMORY = 0.95


@dataclass(frozen=True)
class Row:
    """A setting with the value that it has, and why."""

    stage: str
    name: str
    value: str
    why: str


@dataclass(frozen=True)
class SamplingPlan:
    """What it takes to have the live version answer every prompt: seconds, and the cost where known."""

    seconds: float
    cost: str


@dataclass(frozen=True)
class PlanView:
    """A plan of an update: seconds, bytes, kilowatt-hours and cost where known, and what was chosen."""

    seconds: float
    low: float
    high: float
    budget: float
    memory: int
    machine_memory: int
    kwh: float | None
    cost: str
    sampling: SamplingPlan
    stages: list[tuple[object, float]]
    rows: list[Row]

    @property
    def is_too_long(self) -> bool:
        return self.seconds > self.budget

    @property
    def is_too_large(self) -> bool:
        return self.memory > _SHORT_OF_MEMORY * self.machine_memory


@dataclass(frozen=True)
class NextPlan:
    """The plan of the next update; without a view it is still being made, or could not be: see error."""

    view: PlanView | None
    error: str
    chosen: dict[tuple[str, str], Row]


def next_plan(project: Project) -> NextPlan | None:
    """What the next update by the project's settings will take; None when there is nothing to plan."""
    basis, stored = basis_and_plan(project)
    if basis is None:
        return None
    if stored is None or not stored.plan:
        return NextPlan(None, stored.error if stored else "", {})
    view = view_of(project, stored.plan, stored.basis["settings"])
    return NextPlan(view, "", {(row.stage, row.name): row for row in view.rows})


def plan_of(update: Update) -> PlanView | None:
    """What was chosen for an update; None when it was not planned."""
    return view_of(update.project, update.plan, update.settings) if "stages" in update.plan else None


def view_of(project: Project, plan: dict[str, Any], settings: dict[str, dict[str, Any]]) -> PlanView:
    """A plan as the engine printed it, beside the settings that people chose."""
    stages = plan["stages"]
    by_hand = _("set by a coordinator")
    rows = [Row(str(stage), name, value_words(value), by_hand) for stage in SETTABLE
            for name, value in settings.get(stage, {}).items()]  # fmt: skip
    rows += [
        Row(str(stage), name, value_words(each["value"]), reason(plan, name, each["why"]))
        for stage in SETTABLE
        for name, each in stages[stage]["settings"].items()
    ]
    seconds, kwh = plan["seconds"], _kwh(stages)
    return PlanView(
        seconds=seconds["total"],
        low=seconds["low"],
        high=seconds["high"],
        budget=plan["budget"],
        memory=plan["memory"],
        machine_memory=plan["machine"]["memory"],
        kwh=kwh,
        cost=cost_of(project, seconds=seconds["total"], kwh=kwh),
        sampling=_sampling(project, stages["generate"]),
        stages=[(_(engine.STAGES[stage].label), stages[stage]["seconds"]) for stage in SETTABLE],
        rows=sorted(rows, key=lambda row: [str(stage) for stage in SETTABLE].index(row.stage)),
    )


def _sampling(project: Project, stage: dict[str, Any]) -> SamplingPlan:
    """Sampling for a round, which a plan has beside the stages of an update."""
    cost = cost_of(project, seconds=stage["seconds"], kwh=_kwh({"generate": stage}))
    return SamplingPlan(stage["seconds"], cost)


def reason(plan: dict[str, Any], name: str, why: str) -> str:
    """Why the engine chose a value, from the facts that it had."""
    said = _REASONS.get(why)
    return said(plan, name) if said else why


def _size(plan: dict[str, Any], _name: str) -> str:
    millions = number_format(round(plan["parameters"] / 1e6))
    return _("suits a model of %(millions)s million parameters") % {"millions": millions}


def _machine(plan: dict[str, Any], name: str) -> str:
    if name == "threads":
        return _("the processors that this machine has")
    return _("this machine calculates faster with it")


def _answers(plan: dict[str, Any], name: str) -> str:
    return _("nearly all of the %(count)s answers looked at fit in it") % {"count": plan["answers"]}


def _length(_plan: dict[str, Any], _name: str) -> str:
    return _("grows with the length of answers, up to where an evaluation would warn")


def _memory(plan: dict[str, Any], _name: str) -> str:
    memory = filesizeformat(plan["machine"]["memory"])
    return _("more would not fit in this machine's memory of %(memory)s") % {"memory": memory}


def _time(plan: dict[str, Any], _name: str) -> str:
    return _("with more it would take longer than %(time)s") % {"time": duration(plan["budget"])}


def _checkpoints(_plan: dict[str, Any], _name: str) -> str:
    return _("so that a stop loses no more than about a quarter of an hour")


# By the engine's `plan.presets.Why`.
_REASONS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "size": _size,
    "machine": _machine,
    "answers": _answers,
    "length": _length,
    "memory": _memory,
    "time": _time,
    "checkpoints": _checkpoints,
}


def value_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _kwh(stages: dict[str, Any]) -> float | None:
    parts = [each["watts"] and each["watts"] * each["seconds"] / 3.6e6 for each in stages.values()]
    return None if None in parts else sum(parts)
