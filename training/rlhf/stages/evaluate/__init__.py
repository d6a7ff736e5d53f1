"""Comparing a candidate version with the one before it."""

from training.rlhf.stages.base import Stage
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.translatable import gettext_noop

STAGE = Stage(
    recipe=EvaluateRecipe,
    label=gettext_noop("Evaluation"),
    purpose=gettext_noop("The new and the live version answer questions that neither was trained on."),
    memory_settings=("batch_size", "max_new_tokens"),
)
