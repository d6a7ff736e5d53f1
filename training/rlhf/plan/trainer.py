"""What the stages that TRL's trainers do have in common, as `plan` counts it."""

import math
from typing import TypeVar

from peft import inject_adapter_in_model

from training.rlhf.model.adapters import lora_config
from training.rlhf.plan.workload import Workload
from training.rlhf.recipes import TrainerRecipe
from training.rlhf.rundir import KEEP_CHECKPOINTS

T = TypeVar("T", bound=TrainerRecipe)
_CARD_BYTES = 6000
_TRAINER_FILES = 50_000  # bytes: random states, arguments and names that a Trainer keeps in a checkpoint
_LOGGED_EVERY = 5  # steps, as `stages.trainer` has it


class TrainerWorkload(Workload[T]):
    """One adapter as peft adds it, or the whole model; checkpoints hold Adam's moments and a tokenizer."""

    def add_adapters(self) -> None:
        recipe = self.recipe
        if recipe.lora_r == 0:
            self.model.requires_grad_(True)
            return
        config = lora_config(self.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
        inject_adapter_in_model(config, self.model, adapter_name="policy")
        self.learned = "policy"

    @property
    def members(self) -> int:
        """Models that a run trains."""
        return 1

    @property
    def progress_lines(self) -> int:
        return 1 + self.steps // _LOGGED_EVERY

    @property
    def checkpoints(self) -> int:
        return min(KEEP_CHECKPOINTS, math.ceil(self.steps / self.recipe.checkpoint_every))

    @property
    def checkpoint_bytes(self) -> int:
        return 3 * 4 * self.trainable + self.tokenizer_bytes + _TRAINER_FILES

    @property
    def output_bytes(self) -> int:
        return self.members * (4 * self.trainable + self.tokenizer_bytes) + _CARD_BYTES
