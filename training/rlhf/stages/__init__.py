"""The stages of the engine, by name, in the order of InstructGPT. Importing them loads no torch."""

import json

from training.rlhf.errors import RecipeError
from training.rlhf.recipes import Recipe
from training.rlhf.stages.base import Stage
from training.rlhf.stages.evaluate import STAGE as EVALUATE
from training.rlhf.stages.generate import STAGE as GENERATE
from training.rlhf.stages.ppo import STAGE as PPO
from training.rlhf.stages.reward import STAGE as REWARD
from training.rlhf.stages.sft import STAGE as SFT

STAGES: dict[str, Stage] = {stage.name: stage for stage in (SFT, REWARD, PPO, GENERATE, EVALUATE)}


def parse_recipe(text: str) -> Recipe:
    """The recipe in the text of a `recipe.json`; RecipeError names what is wrong."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"recipe.json is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise RecipeError("recipe.json must hold one JSON object.")
    stage = values.pop("stage", None)
    if not isinstance(stage, str) or stage not in STAGES:
        raise RecipeError(f"recipe.json names no known stage: {stage!r:.100}; there are {', '.join(STAGES)}.")
    return STAGES[stage].recipe.from_dict(values)
