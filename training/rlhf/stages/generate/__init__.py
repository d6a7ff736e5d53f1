"""Sampling completions for volunteers to compare."""

from training.rlhf.stages.base import Stage
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.translatable import gettext_noop

STAGE = Stage(
    recipe=GenerateRecipe,
    label=gettext_noop("Answers"),
    purpose=gettext_noop("The new version answers every prompt, for the next round."),
    memory_settings=("batch_size", "max_new_tokens"),
)
