"""The settings of supervised fine-tuning."""

from dataclasses import dataclass

from training.rlhf.recipes import TrainerRecipe, require, setting


@dataclass(frozen=True, kw_only=True)
class SFTRecipe(TrainerRecipe):
    """Supervised fine-tuning on conversations (InstructGPT, step 1)."""

    stage = "sft"
    lora_r: int = setting(
        "rank of the LoRA adapter; 0 trains every weight of the base", 0, least=0, most=1024
    )
    epochs: float = setting("passes over the conversations", 1.0, above=0)
    batch_size: int = setting("conversations per optimiser step", 32, above=0)
    max_length: int = setting("longer conversations are cut to this many tokens", 256, above=0)
    completion_only_loss: bool = setting("learn the assistant's tokens only, not the question", True)
    mixed_precision: bool = setting(
        "multiply in bfloat16 where the device has it; the weights stay in float32", False
    )

    def validate(self) -> None:
        super().validate()
        require(
            self.lora_r > 0 or self.dtype == "float32",
            "dtype must be float32 when every weight is trained (lora_r 0): bfloat16 rounds steps away.",
        )
