"""Settings that suit a device and a size of model: what a recipe's defaults, made for the starter, do not.

Rates and lengths go by the size of the model, number format by the device, and batches by what its memory
holds. They are starting points to be watched, not the best there is. Learning rates are for LoRA, about ten
times those of training every weight (Biderman et al. 2024, "LoRA Learns Less and Forgets Less").
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.rlhf.hardware.device import Machine
from training.rlhf.recipes import Recipe
from training.rlhf.stages import STAGES

# What else runs on the machine, the estimate's error and fragmentation get the rest.
_SHARE_OF_MEMORY = 0.7
_SMALLEST_BATCH = 4


@dataclass(frozen=True)
class SizeClass:
    """Models with at most so many parameters: tokens of an answer and of a conversation."""

    parameters: float
    max_new_tokens: int
    max_length: int


# Up to thirty million the defaults hold.
SMALLEST = 30e6
# Each stage has a learning rate for each of these (`Stage.learning_rates`).
SIZES = (
    SizeClass(400e6, 192, 512),
    SizeClass(2e9, 256, 1024),
    SizeClass(float("inf"), 256, 1024),
)


def suggest(
    recipe: Recipe, parameters: int, machine: Machine, memory_of: Callable[[Recipe], int]
) -> dict[str, Any]:
    """The settings that should differ from this recipe's, by name; empty when it fits as it is.

    `memory_of` gives a recipe's bytes. A batch is halved until it fits; when not even the smallest does, that
    one is suggested, and the estimate shows that memory is short.
    """
    tried = replace(recipe, **_by_size(recipe, parameters, machine))
    tried = _fitting(tried, _SHARE_OF_MEMORY * machine.memory, memory_of)
    before = asdict(recipe)
    return {name: value for name, value in asdict(tried).items() if value != before[name]}


def _by_size(recipe: Recipe, parameters: int, machine: Machine) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if recipe.threads > machine.threads:
        wanted["threads"] = machine.threads
    if parameters <= SMALLEST:
        return wanted
    number = next(i for i, each in enumerate(SIZES) if parameters <= each.parameters)
    wanted |= {"max_new_tokens": SIZES[number].max_new_tokens, "max_length": SIZES[number].max_length}
    if rates := STAGES[recipe.stage].learning_rates:
        wanted["learning_rate"] = rates[number]
    if vars(recipe).get("lora_r") == 0:
        wanted["lora_r"] = 16  # every weight with its gradient and moments takes four times the model
    if machine.bfloat16:
        wanted["dtype"] = "bfloat16"
    return {name: value for name, value in wanted.items() if name in vars(recipe)}


def _fitting(recipe: Recipe, room: float, memory_of: Callable[[Recipe], int]) -> Recipe:
    """The recipe with the largest batch that fits; micro-batches shrink first, since they change nothing."""
    for name, least in (("micro_batch_size", 1), ("batch_size", _SMALLEST_BATCH)):
        if name in vars(recipe):
            recipe = _shrunk(recipe, name, least, room, memory_of)
    return recipe


def _shrunk(recipe: Recipe, name: str, least: int, room: float, memory_of: Callable[[Recipe], int]) -> Recipe:
    """Halve a setting until the recipe fits, found by counting it twice: memory grows evenly."""
    size: int = vars(recipe)[name]
    needed: float = memory_of(recipe)
    if needed <= room or size <= least:
        return recipe
    half = memory_of(_with(recipe, name, size // 2))
    if half >= needed:  # something else is what is large
        return recipe
    per_row = (needed - half) / (size - size // 2)
    while size > least and needed > room:
        needed -= per_row * (size - size // 2)
        size //= 2
    return _with(recipe, name, size)


def _with(recipe: Recipe, name: str, size: int) -> Recipe:
    changes: dict[str, Any] = {name: size}
    if name == "batch_size" and "minibatches" in vars(recipe):
        changes["minibatches"] = min(vars(recipe)["minibatches"], size)
    return replace(recipe, **changes)
