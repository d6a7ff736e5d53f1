"""The optimiser steps of a reward run as `plan` needs them: how many, and what the largest one reads."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from training.rlhf.data.files import TRAIN, read_preferences
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward.comparisons import (
    encode_preferences,
    group_comparisons,
    plan_steps,
    require_enough,
)
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.shared_prefix import can_share, lay_out_apart, lay_out_shared


@dataclass(frozen=True)
class RewardSteps:
    """`inputs` are the model's at the largest step, and `share` what the mean step reads of it."""

    count: int
    inputs: dict[str, Tensor]
    share: float


def reward_steps(
    directory: RunDirectory, recipe: RewardRecipe, location: str, model: PreTrainedModel
) -> RewardSteps:
    """The steps over all training comparisons; DataError when there are too few."""
    tokenizer = load_tokenizer(location)
    preferences = read_preferences(directory, recipe.dataset)
    learned = [each for each in preferences if each.split == TRAIN]
    examples = encode_preferences(tokenizer, [each for each in learned if each.weight > 0])
    fitting = [each for each in examples if each.longest <= recipe.max_length]
    require_enough(
        recipe, len(fitting), overlong=len(examples) - len(fitting), held_out=len(preferences) - len(learned)
    )
    comparisons = group_comparisons(fitting, most_pairs=recipe.batch_size)
    steps = plan_steps(
        comparisons,
        pairs_per_step=recipe.batch_size,
        epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        seed=recipe.seed,
    )
    sizes = [sum(len(ids) for i in step for ids in comparisons[i].sequences) for step in steps]
    largest = [comparisons[i].sequences for i in steps[sizes.index(max(sizes))]]
    # The shadow's own attention stands for the one that the run has.
    as_run: Any = SimpleNamespace(
        config=SimpleNamespace(**(model.config.to_dict() | {"_attn_implementation": "sdpa"}))
    )
    inputs = (
        lay_out_shared(largest, tokenizer.pad_token_id, model.dtype, model.config.hidden_size)
        if can_share(as_run)
        else lay_out_apart(largest, tokenizer.pad_token_id)
    )
    return RewardSteps(_of_all_members(recipe, len(steps)), inputs, sum(sizes) / len(sizes) / max(sizes))


def _of_all_members(recipe: RewardRecipe, steps: int) -> int:
    """Each member of an ensemble leaves out a fold, unless max_steps says how long it trains."""
    if recipe.ensemble_size == 1 or recipe.max_steps:
        return steps * recipe.ensemble_size
    return steps * (recipe.ensemble_size - 1)
