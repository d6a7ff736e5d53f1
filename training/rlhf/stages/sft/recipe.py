"""The settings of supervised fine-tuning."""

from dataclasses import dataclass

from training.rlhf.recipes import LoRARecipe, not_negative, positive, require, setting, within_unit


@dataclass(frozen=True, kw_only=True)
class SFTRecipe(LoRARecipe):
    """Supervised fine-tuning on conversations (InstructGPT, step 1)."""

    stage = "sft"
    least_rank = 0

    lora_r: int = setting("rank of the LoRA adapter; 0 trains every weight of the base", 0)
    epochs: float = setting("passes over the conversations", 1.0)
    max_steps: int = setting("stop after this many optimiser steps; 0 means by epochs", 0)
    batch_size: int = setting("conversations per optimiser step", 32)
    learning_rate: float = setting("peak rate of AdamW", 2e-3)
    warmup_ratio: float = setting("share of steps in which the rate rises", 0.05)
    weight_decay: float = setting("AdamW's decay of weights", 0.01)
    max_length: int = setting("longer conversations are cut to this many tokens", 256)
    completion_only_loss: bool = setting("learn the assistant's tokens only, not the question", True)
    mixed_precision: bool = setting(
        "multiply in bfloat16 where the device has it; the weights stay in float32", False
    )
    checkpoint_every: int = setting("optimiser steps between checkpoints", 200)

    def validate(self) -> None:
        super().validate()
        positive(self, "epochs", "batch_size", "learning_rate", "max_length", "checkpoint_every")
        not_negative(self, "max_steps", "weight_decay")
        within_unit(self, "warmup_ratio")
        require(
            self.lora_r > 0 or self.dtype == "float32",
            "dtype must be float32 when every weight is trained (lora_r 0): bfloat16 rounds steps away.",
        )
