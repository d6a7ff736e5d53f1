"""The settings of the reward model."""

from dataclasses import dataclass

from training.rlhf.recipes import (
    DatasetFile,
    TrainerRecipe,
    not_negative,
    positive,
    require,
    setting,
    within_unit,
)


@dataclass(frozen=True, kw_only=True)
class RewardRecipe(TrainerRecipe):
    """A reward model from preferences (InstructGPT, equation 1): LoRA adapter and score head."""

    stage = "reward"

    held_out: DatasetFile | None = setting("preferences on prompts never trained on, for accuracy", None)  # noqa: RUF009
    epochs: float = setting("passes over the pairs; InstructGPT saw overfitting after one", 2.0)
    batch_size: int = setting("pairs per optimiser step, or nearly: comparisons stay whole", 32)
    learning_rate: float = setting("peak rate of AdamW for adapter and head", 2e-3)
    weight_decay: float = setting("AdamW's decay of adapter weights", 0.0)
    max_length: int = setting("pairs with more tokens are left out and counted in the result", 256)
    label_smoothing: float = setting("share of a label that goes to both sides alike", 0.0)
    soft_labels: bool = setting(
        "learn the share of votes, where rows have it, not their majority weighted by its margin", False
    )
    center_rewards: float = setting("weight that keeps the mean reward near zero; 0 turns it off", 0.01)
    chat_weight: float | None = setting(
        "how much choices from the chat count; null is what their agreement with the desk earns", None
    )
    chat_rewrite_weight: float | None = setting("the same of answers that people wrote in the chat", None)
    ensemble_size: int = setting(
        "reward adapters, each without one fold of the prompts; their spread is their uncertainty", 1
    )
    min_pairs: int = setting("fewer training pairs than this teach nothing but noise", 20)
    checkpoint_every: int = setting("optimiser steps between checkpoints", 100)

    def validate(self) -> None:
        super().validate()
        positive(self, "min_pairs")
        not_negative(self, "center_rewards")
        within_unit(self, "label_smoothing")
        for name in ("chat_weight", "chat_rewrite_weight"):
            if getattr(self, name) is not None:
                within_unit(self, name)
        require(1 <= self.ensemble_size <= 4, "ensemble_size must lie between 1 and 4.")
