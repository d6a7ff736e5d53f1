"""The settings of every stage, each with its reason.

A recipe is one frozen dataclass per stage and one flat JSON object in `recipe.json`. Nothing here imports
torch: the site builds recipes too. Paths may be relative to the run directory.
"""

import json

from training.rlhf.errors import RecipeError

from .base import DatasetFile, Device, Dtype, LoRARecipe, Recipe, SamplingRecipe
from .evaluate import JUDGE_KEY, EvaluateRecipe
from .generate import GenerateRecipe
from .ppo import PPORecipe
from .reward import RewardRecipe
from .sft import SFTRecipe

__all__ = [
    "JUDGE_KEY",
    "RECIPES",
    "DatasetFile",
    "Device",
    "Dtype",
    "EvaluateRecipe",
    "GenerateRecipe",
    "LoRARecipe",
    "PPORecipe",
    "Recipe",
    "RewardRecipe",
    "SFTRecipe",
    "SamplingRecipe",
    "parse_recipe",
]

RECIPES: dict[str, type[Recipe]] = {
    cls.stage: cls for cls in (SFTRecipe, RewardRecipe, PPORecipe, GenerateRecipe, EvaluateRecipe)
}


def parse_recipe(text: str) -> Recipe:
    """The recipe in the text of a `recipe.json`; RecipeError says what is wrong with it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"recipe.json is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError("recipe.json must hold one JSON object.")
    stage = values.pop("stage", None)
    if not isinstance(stage, str) or stage not in RECIPES:
        raise RecipeError(
            f"recipe.json names no known stage: {stage!r:.100}; there are {', '.join(RECIPES)}."
        )
    return RECIPES[stage].from_dict(values)
