"""What a stage is: one object that the command, `plan`, the model card and the site ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from training.rlhf.errors import memory_grows_with
from training.rlhf.recipes import Recipe

if TYPE_CHECKING:  # they ask the stages, and the second loads torch
    from training.rlhf.plan.workload import Workload
    from training.rlhf.rundir import RunDirectory


@dataclass(frozen=True)
class Card:
    """The words of the model card of a stage that trains something, and how its output is loaded."""

    kind: str
    use: str
    limits: str
    task: str = "text-generation"
    model_class: str = "AutoModelForCausalLM"
    load_arguments: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage, defined by the package of its name.

    Besides this object the package has `recipe` (the settings), `stage` (whose `run` does the work) and
    `workload` (whose `StageWorkload` is what `plan` counts). The last two load torch and are imported when
    they are needed, because the site reads recipes and labels too.
    """

    recipe: type[Recipe]
    label: str
    purpose: str
    # Lowering these saves memory; what costs least to change comes first.
    memory_settings: tuple[str, ...]
    # For the classes of model sizes in `plan.presets`; empty for a stage that does not learn.
    learning_rates: tuple[float, ...] = ()
    # What else suits models that are larger than those of the defaults.
    larger_models: Mapping[str, Any] = field(default_factory=dict)
    # Metrics of progress.jsonl that the site draws as curves.
    curves: tuple[str, ...] = ()
    card: Card | None = None

    @property
    def name(self) -> str:
        return self.recipe.stage

    @property
    def module(self) -> str:
        """The module that does the work."""
        return f"{__package__}.{self.name}.stage"

    def run(self, directory: "RunDirectory", recipe: Recipe) -> dict[str, Any]:
        """Do the stage in a run directory; returns the metrics for result.json."""
        with memory_grows_with(*self.memory_settings):
            metrics: dict[str, Any] = import_module(self.module).run(directory, recipe)
            return metrics

    def workload(
        self, directory: "RunDirectory", recipe: Recipe, location: str, **known: Any
    ) -> "Workload[Any]":
        """What `plan` counts of a run on the base model at `location`; `known` is what `Workload` takes."""
        module = import_module(f"{__package__}.{self.name}.workload")
        workload: Workload[Any] = module.StageWorkload(directory, recipe, location, **known)
        return workload
