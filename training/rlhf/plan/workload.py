"""What `plan` asks of a stage: its models without numbers, and the passes that it makes on them.

A phase is one kind of pass, how often a run makes it, and its cost at the longest inputs. Batches are as the
stages form them; that sampled rows leave the batch when they end is not counted.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from training.rlhf.hardware.device import Machine
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.plan.layers import Layers
from training.rlhf.plan.meta_model import Cost, MetaMode
from training.rlhf.recipes import LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory

R = TypeVar("R", bound=Recipe)
_ROWS_MEASURED = 300


@dataclass(frozen=True)
class Lengths:
    """Rows that a stage works on, and the tokens of its inputs: mean and longest."""

    rows: int
    mean: float
    longest: int


@dataclass(frozen=True)
class Phase:
    """One kind of pass: `share` scales its time from the longest inputs to the usual ones.

    kept_bytes are alive beside it; `learns`: the cost includes making the gradients.
    """

    name: str
    times: float
    cost: Cost
    share: float = 1.0
    kept_bytes: int = 0
    learns: bool = False


class Workload(Generic[R]):
    """A run of one stage as `plan` counts it; each stage has a subclass (`stages/*/workload.py`)."""

    model_class: Any = AutoModelForCausalLM
    model_settings: dict[str, Any] = {}
    learned: str | None = None  # the adapter that learns
    cache_bytes = 0  # of keys and values while sampling

    def __init__(
        self,
        directory: RunDirectory,
        recipe: R,
        location: str,
        lengths: Lengths | None = None,
        to_come: Mapping[str, LoRARecipe] | None = None,
    ) -> None:
        """Without `lengths` the dataset is read; `to_come` has, by folder, the recipes of adapters that
        stages before this one will make.
        """
        self.directory, self.recipe, self.location = directory, recipe, location
        self.to_come = to_come or {}
        self.lengths = self.read_lengths() if lengths is None else lengths
        self.meta = MetaMode()
        self.model = self.meta.build(location, recipe.dtype, self.model_class, **self.model_settings)
        self.parameters = sum(each.numel() for each in self.model.parameters())
        self.base_bytes = sum(each.numel() * each.element_size() for each in self.model.parameters())
        self.base = SharedBase(self.model)
        self.hidden = self.base.hidden_size
        with torch.device("meta"):
            self.add_adapters()
        if self.learned is not None:
            self.base.train(self.learned)
        self.meta.convert(self.model)
        self.layers = Layers(self.model)
        self._costs: list[Cost] = []
        self._known: list[Cost] = []

    def repeated(self, recipe: R) -> Self:
        """The same passes for a recipe that only makes them more or less often; none is counted again."""
        if "phases" not in vars(self):
            self.phases = self.count_phases()
        other = copy(self)
        other.recipe, other._known = recipe, list(self._costs)
        del other.phases
        return other

    def with_recipe(self, recipe: R) -> Self:
        """The same run with other settings."""
        return type(self)(self.directory, recipe, self.location, self.lengths, self.to_come)

    def learn_every_weight(self) -> None:
        """Count from now on as if all of the base learned."""
        self.model.requires_grad_(True)
        self._costs, self._known = [], []
        self.__dict__.pop("phases", None)

    # What each stage answers

    def read_lengths(self) -> Lengths:
        """Read the dataset as the stage does; errors are those that the run would end with."""
        raise NotImplementedError

    def add_adapters(self) -> None:
        """Add to the base what the stage adds."""

    def count_phases(self) -> list[Phase]:
        raise NotImplementedError

    @property
    def steps(self) -> int:
        """Optimiser steps, or batches where nothing is learned."""
        raise NotImplementedError

    @property
    def optimizer_steps(self) -> int:
        """Of a stage that learns."""
        return self.steps

    @property
    def progress_lines(self) -> int:
        return self.steps

    @property
    def output_bytes(self) -> int:
        raise NotImplementedError

    @property
    def checkpoints(self) -> int:
        """How many are kept at the end; none where nothing is learned."""
        return 0

    @property
    def checkpoint_bytes(self) -> int:
        return 0

    def matmul_dtype(self, machine: Machine) -> torch.dtype:
        """The number format in which the base is multiplied."""
        dtype: torch.dtype = getattr(torch, self.recipe.dtype)
        return dtype

    # What follows from the models

    @cached_property
    def phases(self) -> list[Phase]:
        return self.count_phases()

    @property
    def trainable(self) -> int:
        """Parameters that learn."""
        return sum(each.numel() for each in self.model.parameters() if each.requires_grad)

    @property
    def adapter_bytes(self) -> int:
        return 4 * sum(each.numel() for name, each in self.model.named_parameters() if "lora_" in name)

    @property
    def tokenizer_bytes(self) -> int:
        """Size of the tokenizer's files, which stages that learn write again; 0 for a hub model."""
        names = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
        return sum(path.stat().st_size for name in names if (path := Path(self.location) / name).is_file())

    @property
    def share(self) -> float:
        """The usual inputs as a share of the longest, for the time of passes over prompt and answer."""
        answer = getattr(self.recipe, "max_new_tokens", 0)
        return (self.lengths.mean + answer) / (self.lengths.longest + answer)

    # For the stages' own methods

    def add_fresh(self, name: str, recipe: LoRARecipe) -> None:
        """An adapter as a stage with this recipe makes it."""
        config = lora_config(self.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
        self.base.add(name, config)

    def add_policy(self, name: str, folder: str) -> None:
        """The policy of a folder, or what a stage to come will write there."""
        if folder in self.to_come:
            self.add_fresh(name, self.to_come[folder])
        else:
            self.base.load(name, self.directory.resolve(folder))

    def cost(self, work: Callable[[], Any], adapter: str | None, *, learn: bool = False) -> Cost:
        """What it costs to do this with an adapter in use."""
        if self._known:
            return self._known.pop(0)

        def count() -> Cost:
            cost = self.meta.cost(work)
            for parameter in self.model.parameters():
                parameter.grad = None
            return cost

        # Unlike those of adapters, the gradients of a layer's weights may be larger than what is kept for
        # them: then the worst moment of a deep model is another one than that of a few layers.
        whole = learn and self.learned is None
        with self.base.use(adapter), torch.set_grad_enabled(learn):
            cost = count() if whole else self.layers.cost(count)
        self._costs.append(cost)
        return cost

    def token_ids(self, rows: int, width: int) -> Tensor:
        with self.meta.mode:
            return torch.zeros(rows, width, dtype=torch.long)


def measure_lengths(rows: int, lengths: Sequence[int], limit: int) -> Lengths:
    """The lengths of so many rows, of which some were measured; none is longer than the limit."""
    fitting = [min(length, limit) for length in lengths] or [limit]
    return Lengths(rows, sum(fitting) / len(fitting), max(fitting))


def sample_rows(rows: Sequence[Any]) -> Sequence[Any]:
    """A few hundred rows, spread evenly over all."""
    return rows[:: max(1, len(rows) // _ROWS_MEASURED)]
