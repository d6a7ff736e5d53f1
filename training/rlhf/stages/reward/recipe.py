"""The settings of the reward model."""

from dataclasses import dataclass

from training.rlhf.recipes import DatasetFile, TrainerRecipe, setting
from training.rlhf.translatable import gettext_noop as _


@dataclass(frozen=True, kw_only=True)
class RewardRecipe(TrainerRecipe):
    """A reward model from preferences (InstructGPT, equation 1): LoRA adapter and score head."""

    stage = "reward"

    held_out: DatasetFile | None = setting("preferences on prompts never trained on, for accuracy", None)  # noqa: RUF009
    epochs: float = setting(_("passes over the pairs; InstructGPT saw overfitting after one"), 2.0, above=0)
    batch_size: int = setting(
        _("pairs per optimiser step, or nearly: comparisons stay whole"), 32, unit=_("pairs"), above=0
    )
    learning_rate: float = setting(_("peak rate of AdamW for adapter and head"), 2e-3, above=0)
    weight_decay: float = setting(_("AdamW's decay of adapter weights"), 0.0, least=0)
    max_length: int = setting(
        _("pairs with more tokens are left out and counted in the result"), 256, unit=_("tokens"), above=0
    )
    label_smoothing: float = setting(
        _("share of a label that goes to both sides alike"), 0.0, least=0, most=1
    )
    soft_labels: bool = setting(
        _("learn the probability with which people prefer an answer, otherwise the answer, weighted by it"),
        False,
    )
    center_rewards: float = setting(
        _("weight that keeps the mean reward near zero; 0 turns it off"), 0.01, least=0
    )
    chat_weight: float | None = setting(
        _("how much choices from the chat count; otherwise what their agreement with the desk earns"),
        None,
        least=0,
        most=1,
    )
    chat_rewrite_weight: float | None = setting(
        _("how much answers that people wrote in the chat count; otherwise the same"), None, least=0, most=1
    )
    ensemble_size: int = setting(
        _("reward adapters, each without one fold of the prompts; their spread is their uncertainty"),
        1,
        least=1,
        most=4,
    )
    min_pairs: int = setting(
        _("fewer training pairs than this teach nothing but noise"), 20, unit=_("pairs"), above=0
    )
    checkpoint_every: int = setting(_("optimiser steps between checkpoints"), 100, unit=_("steps"), above=0)
