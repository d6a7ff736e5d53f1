"""PPO of a policy against the reward model."""

from training.rlhf.stages.base import Card, Stage
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.translatable import gettext_noop

STAGE = Stage(
    recipe=PPORecipe,
    label=gettext_noop("Training (PPO)"),
    purpose=gettext_noop("The chatbot is trained to give answers that the reward model prefers."),
    memory_settings=("batch_size", "max_new_tokens"),
    learning_rates=(2e-4, 1e-4, 5e-5),
    # A model of 135 million parameters answers at length, and KL costs the more, the longer an answer is. At
    # the default price, or at twice that, its answers lost two fifths of their length; so the price is
    # halved, and what is short pays. Ten steps take it 4 to 5 nats away.
    larger_models={
        "steps": 10,
        "batch_size": 32,
        "calibration_answers": 128,
        "kl_coef": 0.1,
        "short_penalty": 2.0,
    },
    curves=("score", "kl"),
    card=Card(
        kind="language model optimised by PPO against a reward model",
        use="Answering the kind of prompts that people compared; being compared again by people.",
        limits="It was optimised to please a reward model, and pleases it more than it pleases people. It "
        "may be wrong with confidence. What it had learned of safety before may have become weaker: test "
        "before use.",
    ),
)
