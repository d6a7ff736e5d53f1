"""What `plan` counts of an evaluation: answers of both versions, their scores and their KL."""

import math
from dataclasses import dataclass
from typing import Self

from training.rlhf.data.files import read_prompts
from training.rlhf.plan.sampling import SamplingWorkload
from training.rlhf.plan.workload import Lengths, Phase
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.safety import number_of_prompts


@dataclass(frozen=True)
class Asked(Lengths):
    """The prompts that both versions answer; `anchors` of them the bare base answers, too."""

    anchors: int

    @classmethod
    def of(cls, lengths: Lengths, anchors: int) -> Self:
        return cls(lengths.rows, lengths.mean, lengths.longest, anchors)


class StageWorkload(SamplingWorkload[EvaluateRecipe]):
    """Batches of answers to the dataset's prompts, some of them anchors, and to the safety prompts, which are
    not scored.
    """

    lengths: Asked

    def read_lengths(self) -> Asked:
        anchors = self.recipe.anchors
        count = len(read_prompts(self.directory, anchors)) if anchors else 0
        return Asked.of(super().read_lengths(), count)

    def add_adapters(self) -> None:
        self.reward = self.add_reward(self.recipe.reward_adapter)
        if self.recipe.baseline_adapter is not None:
            self.add_policy("baseline", self.recipe.baseline_adapter)
        if self.recipe.candidate_adapter is not None:
            self.add_policy("policy", self.recipe.candidate_adapter)

    @property
    def answers(self) -> int:
        return 2 * self.lengths.rows * self.recipe.samples_per_prompt

    @property
    def compared_batches(self) -> int:
        return math.ceil(self.answers / self.recipe.batch_size)

    @property
    def base_answers(self) -> int:
        """To the anchors; where the baseline is the bare base, it has answered them already."""
        anchors = self.lengths.anchors if self.recipe.baseline_adapter is not None else 0
        return anchors * self.recipe.samples_per_prompt

    @property
    def base_batches(self) -> int:
        return math.ceil(self.base_answers / self.recipe.batch_size)

    @property
    def safety_batches(self) -> int:
        return 2 * math.ceil(number_of_prompts() * self.recipe.samples_per_prompt / self.recipe.batch_size)

    @property
    def steps(self) -> int:
        return self.compared_batches + self.base_batches + self.safety_batches

    @property
    def output_bytes(self) -> int:
        # Beside each of the base's answers stands the candidate's once more.
        beside_base = 2 * self.lengths.anchors * self.recipe.samples_per_prompt
        return self.answer_bytes(self.answers + beside_base + self.safety_batches * self.recipe.batch_size)

    def count_phases(self) -> list[Phase]:
        block = self.block(self.recipe.batch_size)
        kl = self.cost(lambda: self.logprobs(block), self.policy)
        return [
            *self.sampling(times=self.steps),
            self.scoring(self.reward, times=self.compared_batches + self.base_batches),
            Phase("kl", self.compared_batches / 2, kl, self.share),
        ]
