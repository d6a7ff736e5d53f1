"""The reward model."""

from training.rlhf.stages.base import Card, Stage
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.translatable import gettext_noop

STAGE = Stage(
    recipe=RewardRecipe,
    label=gettext_noop("Reward model"),
    purpose=gettext_noop("The reward model learns from the volunteers' rankings which answers they prefer."),
    memory_settings=("batch_size", "max_length"),
    learning_rates=(2e-4, 1e-4, 5e-5),
    curves=("accuracy",),
    card=Card(
        kind="reward model: a score for an answer, learned from people's preferences",
        use="Ranking answers to the kind of prompts that people compared; training a policy against it.",
        limits="Its scores say what the people who judged prefer, not what is true. They mean little for "
        "other kinds of prompts, other languages, or answers of a policy that has moved far from those "
        "judged.",
        task="text-classification",
        model_class="AutoModelForSequenceClassification",
        load_arguments=", num_labels=1",
    ),
)
