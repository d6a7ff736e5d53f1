"""What `plan` counts of supervised fine-tuning."""

import math

import torch

from training.rlhf.data.chat import encode_conversation
from training.rlhf.data.files import read_conversations
from training.rlhf.hardware.device import Machine
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.plan.trainer import TrainerWorkload
from training.rlhf.plan.workload import Lengths, Phase, measure_lengths, sample_rows
from training.rlhf.stages.sft.recipe import SFTRecipe


class StageWorkload(TrainerWorkload[SFTRecipe]):
    """Updates on batches of the longest conversation."""

    def read_lengths(self) -> Lengths:
        conversations = read_conversations(self.directory, self.recipe.dataset)
        tokenizer = load_tokenizer(self.location)
        lengths = [len(encode_conversation(tokenizer, each)) for each in sample_rows(conversations)]
        return measure_lengths(len(conversations), lengths, self.recipe.max_length)

    @property
    def steps(self) -> int:
        recipe = self.recipe
        in_an_epoch = math.ceil(self.lengths.rows / recipe.batch_size)
        return recipe.max_steps or math.ceil(in_an_epoch * recipe.epochs)

    def matmul_dtype(self, machine: Machine) -> torch.dtype:
        mixed = self.recipe.mixed_precision and machine.bfloat16
        return torch.bfloat16 if mixed else super().matmul_dtype(machine)

    def count_phases(self) -> list[Phase]:
        rows = min(self.recipe.batch_size, max(1, self.lengths.rows))

        def learn() -> None:
            ids = self.token_ids(rows, self.lengths.longest)
            self.model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

        cost = self.cost(learn, self.learned, learn=True)
        return [Phase("update", self.steps, cost, self.share, learns=True)]
