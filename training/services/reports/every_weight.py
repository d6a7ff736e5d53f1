"""What a round's updates would have taken with every weight trained: an estimate.

The engine's plan of an update says what its stages take as they are, and what they would take if they
trained every weight (`training/rlhf/plan/every_weight.py`). The ratio of the two, times what was measured, is
the estimate of the time; electricity is reckoned at the power that was measured.
"""

from dataclasses import dataclass
from typing import Any

from training.models import TrainingRun
from training.services.timeline import Expense, RoundLine

_LEARN = (TrainingRun.Stage.REWARD, TrainingRun.Stage.PPO)


@dataclass(frozen=True)
class EveryWeight:
    """The expense, and bytes of memory: of training every weight, of the plan as it was, of the machine."""

    expense: Expense
    memory: int
    planned_memory: int
    machine_memory: int

    @property
    def does_not_fit(self) -> bool:
        return self.memory > self.machine_memory


def every_weight_of(line: RoundLine) -> EveryWeight | None:
    """None where nothing was learned, or a plan does not say it."""
    learned = [
        (run, update.plan, update.plan.get("stages", {}).get(run.stage, {}))
        for update in line.updates
        for run in update.runs.all()
        if run.stage in _LEARN and _seconds(run)
    ]
    if not learned or not all("every_weight" in stage for _run, _plan, stage in learned):
        return None
    more = sum(_seconds(run) * (_ratio(stage) - 1) for run, _plan, stage in learned)
    seconds, kwh = line.expense.seconds, line.expense.kwh
    return EveryWeight(
        Expense(seconds + more, None if kwh is None else kwh * (seconds + more) / seconds),
        max(stage["every_weight"]["memory"] for _run, _plan, stage in learned),
        max(plan["memory"] for _run, plan, _stage in learned),
        min(plan["machine"]["memory"] for _run, plan, _stage in learned),
    )


def _ratio(stage: dict[str, Any]) -> float:
    """How many times as long a stage would take."""
    return float(stage["every_weight"]["seconds"] / stage["seconds"])


def _seconds(run: TrainingRun) -> float:
    return float(run.result.get("seconds", 0.0) + run.unfinished_seconds)
