"""Supervised fine-tuning."""

from training.rlhf.stages.base import Card, Stage
from training.rlhf.stages.sft.recipe import SFTRecipe
from training.rlhf.translatable import gettext_noop

STAGE = Stage(
    recipe=SFTRecipe,
    label=gettext_noop("Supervised fine-tuning"),
    purpose="The chatbot learns to answer as in the conversations of a dataset.",
    memory_settings=("batch_size", "max_length"),
    learning_rates=(3e-4, 2e-4, 1e-4),
    card=Card(
        kind="language model fine-tuned on conversations",
        use="Answering in the manner of the conversations it was trained on.",
        limits="It repeats what is wrong in its conversations, and says things that are in none of them.",
    ),
)
