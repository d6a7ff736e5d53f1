"""Settings that suit a device and a size of model: what a recipe's defaults, made for the starter, do not.

Rates and lengths go by the size of the model, number format by the device, and batches by what its memory
holds. They are starting points to be watched, not the best there is. Learning rates are for LoRA, about ten
times those of training every weight (Biderman et al. 2024, "LoRA Learns Less and Forgets Less").
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple

from training.rlhf.hardware.device import Machine
from training.rlhf.recipes import Recipe
from training.rlhf.stages import STAGES
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe

# What else runs on the machine, the estimate's error and fragmentation get the rest.
_SHARE_OF_MEMORY = 0.7
_SMALLEST_BATCH = 4


class Why(StrEnum):
    """What a setting was chosen by."""

    SIZE = "size"
    MACHINE = "machine"
    ANSWERS = "answers"
    LENGTH = "length"
    MEMORY = "memory"
    TIME = "time"
    CHECKPOINTS = "checkpoints"


class Choice(NamedTuple):
    value: Any
    why: Why


Choices = dict[str, Choice]


@dataclass(frozen=True)
class SizeClass:
    """Models with at most so many parameters: tokens of an answer, the most of one, and of a conversation."""

    parameters: float
    max_new_tokens: int
    most_new_tokens: int
    max_length: int


# Up to thirty million the defaults hold.
SMALLEST = 30e6
# Each stage has a learning rate for each of these (`Stage.learning_rates`).
SIZES = (
    SizeClass(400e6, 80, 192, 512),
    SizeClass(2e9, 192, 384, 1024),
    SizeClass(float("inf"), 256, 512, 1024),
)


def size_class(parameters: int) -> int | None:
    """The place of a model in SIZES; None for one that the defaults are made for."""
    if parameters <= SMALLEST:
        return None
    return next(i for i, each in enumerate(SIZES) if parameters <= each.parameters)


def suggest(
    recipe: Recipe, parameters: int, machine: Machine, memory_of: Callable[[Recipe], int]
) -> dict[str, Any]:
    """The settings that should differ from this recipe's, by name; empty when it fits as it is.

    `memory_of` gives a recipe's bytes. A batch is halved until it fits; when not even the smallest does, that
    one is suggested, and the estimate shows that memory is short.
    """
    wanted = by_size(recipe, parameters, machine)
    tried = replace(recipe, **values_of(wanted))
    tried = replace(tried, **values_of(by_length(tried)))
    tried = replace(tried, **values_of(by_memory(tried, machine, memory_of)))
    before = asdict(recipe)
    return {name: value for name, value in asdict(tried).items() if value != before[name]}


def values_of(choices: Choices) -> dict[str, Any]:
    return {name: choice.value for name, choice in choices.items()}


def by_size(recipe: Recipe, parameters: int, machine: Machine) -> Choices:
    """What the size of the model and the machine ask for; no more than the recipe has settings of."""
    wanted: Choices = {}
    if recipe.threads > machine.threads:
        wanted["threads"] = Choice(machine.threads, Why.MACHINE)
    number = size_class(parameters)
    if number is None:
        return wanted
    stage, size = STAGES[recipe.stage], SIZES[number]
    values: dict[str, Any] = {"max_new_tokens": size.max_new_tokens, "max_length": size.max_length}
    values |= stage.larger_models
    if stage.learning_rates:
        values["learning_rate"] = stage.learning_rates[number]
    if vars(recipe).get("lora_r") == 0:
        values["lora_r"] = 16  # every weight with its gradient and moments takes four times the model
    wanted |= {name: Choice(value, Why.SIZE) for name, value in values.items()}
    if machine.bfloat16:
        wanted["dtype"] = Choice("bfloat16", Why.MACHINE)
    return {name: choice for name, choice in wanted.items() if name in vars(recipe)}


def by_length(recipe: Recipe) -> Choices:
    """How far a policy may go from its reference when answers are longer than those of the defaults.

    KL per answer is a sum over its tokens, so `kl_stop` grows with their number; but not beyond the distance
    at which an evaluation warns, because nobody should release what was trained farther.
    """
    if "kl_stop" not in vars(recipe):
        return {}
    defaults = {each.name: each.default for each in fields(recipe)}
    longer = vars(recipe)["max_new_tokens"] / defaults["max_new_tokens"]
    scaled = round(defaults["kl_stop"] * max(1.0, longer), 1)
    return {"kl_stop": Choice(min(scaled, EvaluateRecipe.watch_kl), Why.LENGTH)}


def by_memory(
    recipe: Recipe, machine: Machine, memory_of: Callable[[Recipe], int], fixed: Collection[str] = ()
) -> Choices:
    """The largest batches that fit; micro-batches shrink first, since they change nothing."""
    room, tried = _SHARE_OF_MEMORY * machine.memory, recipe
    for name, least in (("micro_batch_size", 1), ("batch_size", _SMALLEST_BATCH)):
        if name in vars(recipe) and name not in fixed:
            tried = _shrunk(tried, name, least, room, memory_of)
    return {
        name: Choice(value, Why.MEMORY) for name, value in vars(tried).items() if value != vars(recipe)[name]
    }


def _shrunk(recipe: Recipe, name: str, least: int, room: float, memory_of: Callable[[Recipe], int]) -> Recipe:
    """Halve a setting until the recipe fits, found by counting it twice: memory grows evenly."""
    size: int = vars(recipe)[name]
    needed: float = memory_of(recipe)
    if needed <= room or size <= least:
        return recipe
    half = memory_of(with_size(recipe, name, size // 2))
    if half >= needed:  # something else is what is large
        return recipe
    per_row = (needed - half) / (size - size // 2)
    while size > least and needed > room:
        needed -= per_row * (size - size // 2)
        size //= 2
    return with_size(recipe, name, size)


def with_size(recipe: Recipe, name: str, size: int) -> Recipe:
    """The recipe with a batch of this size; no more mini-batches than it has rows."""
    changes: dict[str, Any] = {name: size}
    if name == "batch_size" and "minibatches" in vars(recipe):
        changes["minibatches"] = min(vars(recipe)["minibatches"], size)
    return replace(recipe, **changes)
