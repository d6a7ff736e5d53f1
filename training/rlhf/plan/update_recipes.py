"""The recipes of an update's stages while they are being chosen, and what each would take."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from training.rlhf.errors import ModelError
from training.rlhf.hardware.device import Machine, Speed, device_for, measure, this_machine
from training.rlhf.model.base_check import check_base
from training.rlhf.model.loading import find_base, load_tokenizer
from training.rlhf.plan.estimate import count_memory, count_seconds
from training.rlhf.plan.every_weight import with_every_weight
from training.rlhf.plan.material import Material
from training.rlhf.plan.presets import Choices, values_of
from training.rlhf.plan.update_facts import UpdateFacts
from training.rlhf.plan.workload import Workload
from training.rlhf.recipes import DatasetFile, LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES

UPDATE = ("reward", "ppo", "generate", "evaluate")
# The passes are the same for other values of these; there are fewer of them, or more.
_HOW_OFTEN: dict[str, Any] = {
    "steps": 1,
    "epochs": 1,
    "checkpoint_every": 1,
    "learning_rate": 1.0,
    "kl_stop": 1.0,
    "samples_per_prompt": 1,
}


class UpdateRecipes:
    """What people set, and what was chosen beside it. Raises ModelError for a base that cannot be used."""

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
        self._workloads: dict[Recipe, Workload[Any]] = {}

    def __getitem__(self, stage: str) -> Recipe:
        """The recipe of a stage as it is so far."""
        kind = STAGES[stage].recipe
        known, live = {each.name for each in fields(kind)}, self.facts.policy_adapter
        candidate = live or "policy"  # which goes on from the live version's adapter, at the same rank
        given = {
            "base_model": self.facts.base_model,
            "dataset": DatasetFile("to come", "0" * 64),
            # Answers are scored by the reward model of before, in little of the time that sampling takes.
            "reward_adapter": None if stage == "generate" else "reward",
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
        before = vars(self[stage])
        for name, choice in choices.items():
            if name not in self.by_hand(stage) and choice.value != before[name]:
                self.chosen[stage][name] = choice

    def machine(self, stage: str) -> Machine:
        return this_machine(device_for(self[stage].device))

    # What they take

    def seconds(self, stage: str, **changes: Any) -> float:
        return self.count(replace(self[stage], **changes))[0]

    def count(self, recipe: Recipe) -> tuple[float, int, int]:
        """Seconds, bytes and steps of a run."""
        if recipe not in self._counted:
            workload = self._workload(recipe)
            seconds = sum(count_seconds(workload, self._speed(workload)).values())
            seconds *= self.facts.pace.get(recipe.stage, 1.0)
            self._counted[recipe] = seconds, count_memory(workload).total, workload.steps
        return self._counted[recipe]

    def count_every_weight(self, recipe: Recipe) -> tuple[float, int]:
        """Seconds and bytes of a run that trained the whole base instead of an adapter."""
        workload = self._counted_anew(recipe)
        seconds, memory = with_every_weight(workload, self._speed(workload))
        return seconds * self.facts.pace.get(recipe.stage, 1.0), memory

    def _workload(self, recipe: Recipe) -> Workload[Any]:
        """The recipe's passes; each is counted once, however often a recipe makes it."""
        if recipe.stage == "reward":  # with other epochs its largest step is another
            return self._counted_anew(recipe)
        passes = replace(recipe, **{name: _HOW_OFTEN[name] for name in _HOW_OFTEN.keys() & vars(recipe)})
        if passes not in self._workloads:
            self._workloads[passes] = self._counted_anew(passes)
        return self._workloads[passes].repeated(recipe)

    def _counted_anew(self, recipe: Recipe) -> Workload[Any]:
        to_come: dict[str, LoRARecipe] = {}
        for folder, stage in (("reward", "reward"), ("policy", "ppo")):
            if recipe.stage not in ("reward", folder):
                made = self[stage]
                assert isinstance(made, LoRARecipe)
                to_come[folder] = made
        known = {"lengths": self.material.lengths(recipe), "to_come": to_come}
        return STAGES[recipe.stage].workload(self.directory, recipe, self.location, **known)

    def _speed(self, workload: Workload[Any]) -> Speed:
        recipe, device = workload.recipe, device_for(workload.recipe.device)
        how = recipe.threads, workload.matmul_dtype(this_machine(device)), device
        if how not in self._speeds:
            self._speeds[how] = measure(*how)
        return self._speeds[how]
