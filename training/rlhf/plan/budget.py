"""All settings of an update together, so that it fits the size of the model, the machine, and a time.

    python -m training.rlhf plan --update FACTS [--json]

FACTS is a JSON file (see `update_facts`). What people chose stands; of the rest the presets say what is good,
memory how large batches can be, and the answers so far how long new ones need to be. When that takes longer
than the time that was given, PPO takes fewer steps; when too few are left, the cuts below are made, those
that cost least first.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from training.rlhf.errors import ModelError
from training.rlhf.hardware.device import Speed, device_for, measure, this_machine
from training.rlhf.hardware.energy import expected_watts
from training.rlhf.model.base_check import check_base
from training.rlhf.model.loading import find_base, load_tokenizer
from training.rlhf.plan.estimate import TIME_FACTOR, count_memory, count_seconds
from training.rlhf.plan.presets import (
    SIZES,
    Choice,
    Choices,
    Why,
    by_length,
    by_memory,
    by_size,
    size_class,
    values_of,
    with_size,
)
from training.rlhf.plan.update_facts import Material, UpdateFacts
from training.rlhf.plan.workload import Workload
from training.rlhf.recipes import DatasetFile, LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES

UPDATE = ("reward", "ppo", "generate", "evaluate")
SAMPLING = ("ppo", "generate", "evaluate")
# The rest is for what the estimate does not know.
_SHARE_OF_TIME = 0.8
_FEW_STEPS = 8  # of PPO: with fewer, other things are made smaller first
_NEARLY_ALL = 0.98  # of the answers are to fit
_SHORTEST_ANSWER, _ANSWER_STEP = 32, 16  # tokens
_CONVERSATION_STEP = 64
_LOST_SECONDS = 900  # of work, when a run is killed


@dataclass(frozen=True)
class Cut:
    """A setting made smaller in some stages, which saves time and costs the update something."""

    stages: tuple[str, ...]
    name: str
    smaller: Callable[[float], float]


CUTS = (
    Cut(("evaluate",), "samples_per_prompt", lambda now: min(now, 2)),
    Cut(("reward",), "epochs", lambda now: min(now, 1.0)),
    Cut(("ppo",), "epochs", lambda now: 1),
    Cut(("evaluate",), "samples_per_prompt", lambda now: 1),
    Cut(SAMPLING, "max_new_tokens", lambda now: min(now, max(_SHORTEST_ANSWER, 3 * now // 4 // 8 * 8))),
    Cut(("ppo",), "batch_size", lambda now: max(16, now // 2) if now > 16 else now),
)


@dataclass(frozen=True)
class StagePlan:
    """What was chosen for a stage, and what it will take: seconds, bytes, and watts where they are known."""

    settings: Choices
    seconds: float
    memory: int
    watts: float | None


class UpdatePlanner:
    """The recipes of an update's stages, changed until they fit."""

    def __init__(self, facts: UpdateFacts, folder: Path) -> None:
        self.facts, self.directory = facts, RunDirectory(folder)
        report = check_base(facts.base_model, folder)
        if report.problems or report.parameters is None:
            raise ModelError(" ".join(report.problems))
        self.parameters, self.context = report.parameters, report.context
        self.location = find_base(facts.base_model, folder / facts.base_model)
        self.material = Material(facts, load_tokenizer(self.location))
        self.chosen: dict[str, Choices] = {stage: {} for stage in UPDATE}
        self._speeds: dict[Any, Speed] = {}
        self._counted: dict[Recipe, tuple[float, int, int]] = {}

    def plan(self) -> dict[str, Any]:
        """What was chosen and why, as JSON has it."""
        for stage in UPDATE:
            recipe = self.recipe(stage)
            self.machine = this_machine(device_for(recipe.device))
            self.choose(stage, by_size(recipe, self.parameters, self.machine))
            self.choose(stage, self.by_answers(self.recipe(stage)))
            self.fit_memory(stage)
        self.fit_time()
        self.choose("ppo", by_length(self.recipe("ppo")))
        for stage in ("reward", "ppo"):
            self.choose(stage, self.by_checkpoints(stage))
        return self.to_dict()

    # Recipes

    def recipe(self, stage: str) -> Recipe:
        """The recipe as it is chosen so far; what people set stands."""
        kind = STAGES[stage].recipe
        known, live = {each.name for each in fields(kind)}, self.facts.policy_adapter
        candidate = live or "policy"  # which goes on from the live version's adapter, at the same rank
        given = {
            "base_model": self.facts.base_model,
            "dataset": DatasetFile("to come", "0" * 64),
            "reward_adapter": "reward",
            "policy_adapter": candidate if stage == "generate" else live,
            "baseline_adapter": live,
            "candidate_adapter": candidate,
            "completions_per_prompt": self.facts.completions_per_prompt,
        }
        given |= values_of(self.chosen[stage]) | self.by_hand(stage)
        return kind.from_dict({name: value for name, value in given.items() if name in known})

    def by_hand(self, stage: str) -> dict[str, Any]:
        return self.facts.settings.get(stage, {})

    def choose(self, stage: str, choices: Choices) -> None:
        """Take choices over, but for what people set and what is so anyway."""
        before = vars(self.recipe(stage))
        for name, choice in choices.items():
            if name not in self.by_hand(stage) and choice.value != before[name]:
                self.chosen[stage][name] = choice

    def by_answers(self, recipe: Recipe) -> Choices:
        """Lengths that nearly all answers so far fit in; the defaults stay for models they are made for."""
        number, longest = size_class(self.parameters), self.material.longest_answer(_NEARLY_ALL)
        if number is None or longest is None:
            return {}
        size, choices = SIZES[number], {}
        if "max_new_tokens" in vars(recipe):
            # Not rounded up: where answers were cut at the last limit, the next one must not creep upwards.
            tokens = max(_SHORTEST_ANSWER, _ANSWER_STEP * round(longest / _ANSWER_STEP))
            choices["max_new_tokens"] = min(tokens, size.most_new_tokens)
        if "max_length" in vars(recipe):
            tokens = _rounded_up(self.material.longest_conversation, _CONVERSATION_STEP)
            choices["max_length"] = max(vars(recipe)["max_length"], min(tokens, 2 * size.max_length))
        most = (self.context or 2**31) - 1
        return {name: Choice(min(value, most), Why.ANSWERS) for name, value in choices.items()}

    def by_checkpoints(self, stage: str) -> Choices:
        """Checkpoints often enough that a killed run loses little."""
        recipe = self.recipe(stage)
        seconds, _, steps = self.count(recipe)
        every = max(1, int(_LOST_SECONDS * steps / max(1.0, seconds)))
        if every >= vars(recipe)["checkpoint_every"]:
            return {}
        return {"checkpoint_every": Choice(every, Why.CHECKPOINTS)}

    # What they take

    def workload(self, recipe: Recipe) -> Workload[Any]:
        to_come: dict[str, LoRARecipe] = {}
        for folder, stage in (("reward", "reward"), ("policy", "ppo")):
            if recipe.stage not in ("reward", folder):
                made = self.recipe(stage)
                assert isinstance(made, LoRARecipe)
                to_come[folder] = made
        known = {"lengths": self.material.lengths(recipe), "to_come": to_come}
        return STAGES[recipe.stage].workload(self.directory, recipe, self.location, **known)

    def count(self, recipe: Recipe) -> tuple[float, int, int]:
        """Seconds, bytes and steps of a run."""
        if recipe not in self._counted:
            workload = self.workload(recipe)
            seconds = sum(count_seconds(workload, self.speed(workload)).values())
            seconds *= self.facts.pace.get(recipe.stage, 1.0)
            self._counted[recipe] = seconds, count_memory(workload).total, workload.steps
        return self._counted[recipe]

    def speed(self, workload: Workload[Any]) -> Speed:
        recipe = workload.recipe
        how = recipe.threads, workload.matmul_dtype(self.machine), device_for(recipe.device)
        if how not in self._speeds:
            self._speeds[how] = measure(*how)
        return self._speeds[how]

    def seconds(self, stage: str, **changes: Any) -> float:
        return self.count(replace(self.recipe(stage), **changes))[0]

    # Fitting

    def fit_memory(self, stage: str) -> None:
        recipe = self.recipe(stage)
        self.choose(
            stage,
            by_memory(recipe, self.machine, lambda tried: self.count(tried)[1], self.by_hand(stage)),
        )

    def fit_time(self) -> None:
        """Take fewer steps, and make the cuts that leave PPO enough of them."""
        wanted: int = vars(self.recipe("ppo"))["steps"]
        for cut in (None, *CUTS):
            if cut is not None:
                self.make(cut)
            steps = self.steps_in_time(wanted)
            if steps >= min(wanted, _FEW_STEPS):
                break
        self.choose("ppo", {"steps": Choice(max(1, steps), Why.TIME)})

    def steps_in_time(self, wanted: int) -> int:
        """How many steps of PPO the other stages leave time for, up to `wanted`."""
        others = sum(self.seconds(stage) for stage in UPDATE if stage != "ppo")
        room = _SHARE_OF_TIME * self.facts.seconds - others
        all_of_them = self.seconds("ppo", steps=wanted)
        if all_of_them <= room or wanted == 1:
            return wanted if all_of_them <= room else 0
        one = self.seconds("ppo", steps=1)
        each = (all_of_them - one) / (wanted - 1)
        return max(0, 1 + int((room - one) / each))

    def make(self, cut: Cut) -> None:
        for stage in cut.stages:
            recipe = self.recipe(stage)
            now = vars(recipe)[cut.name]
            smaller = type(now)(cut.smaller(now))
            if smaller >= now:
                continue
            changed = vars(with_size(recipe, cut.name, smaller))
            names = (cut.name, "minibatches") if cut.name == "batch_size" else (cut.name,)
            self.choose(stage, {name: Choice(changed[name], Why.TIME) for name in names})

    # What comes out

    def to_dict(self) -> dict[str, Any]:
        """Bytes, seconds and watts; `high` and `low` are the honest width of the time."""
        stages = {stage: self.stage_plan(stage) for stage in UPDATE}
        total = sum(each.seconds for each in stages.values())
        return {
            "parameters": self.parameters,
            "machine": asdict(self.machine),
            "budget": self.facts.seconds,
            "pace": self.facts.pace,
            "answers": len(self.material.answers),
            "longest_answer": self.material.longest_answer(_NEARLY_ALL),
            "pairs": self.facts.pairs,
            "rows": self.facts.rows,
            "seconds": {"total": total, "low": total / TIME_FACTOR, "high": total * TIME_FACTOR},
            "memory": max(each.memory for each in stages.values()),
            "stages": {
                name: asdict(each)
                | {
                    "settings": {
                        key: {"value": choice.value, "why": choice.why.value}
                        for key, choice in each.settings.items()
                    }
                }
                for name, each in stages.items()
            },
        }

    def stage_plan(self, stage: str) -> StagePlan:
        recipe = self.recipe(stage)
        seconds, memory, _ = self.count(recipe)
        return StagePlan(self.chosen[stage], seconds, memory, expected_watts(recipe))


def plan_update(path: Path) -> dict[str, Any]:
    """Plan the update whose facts are in a file; its paths start from the file's folder."""
    return UpdatePlanner(UpdateFacts.read(path), path.parent).plan()


def _rounded_up(number: int, step: int) -> int:
    return -(-number // step) * step
