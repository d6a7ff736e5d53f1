"""What `plan` counts of an evaluation: answers of both versions, their scores and their KL."""

import math

from training.rlhf.plan.sampling import SamplingWorkload
from training.rlhf.plan.workload import Phase
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.safety import number_of_prompts


class StageWorkload(SamplingWorkload[EvaluateRecipe]):
    """Batches of answers to the dataset's prompts and to the safety prompts, which are not scored."""

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
    def safety_batches(self) -> int:
        return 2 * math.ceil(number_of_prompts() * self.recipe.samples_per_prompt / self.recipe.batch_size)

    @property
    def steps(self) -> int:
        return self.compared_batches + self.safety_batches

    @property
    def output_bytes(self) -> int:
        return self.answer_bytes(self.answers + self.safety_batches * self.recipe.batch_size)

    def count_phases(self) -> list[Phase]:
        block = self.block(self.recipe.batch_size)
        kl = self.cost(lambda: self.logprobs(block), self.policy)
        return [
            *self.sampling(times=self.steps),
            self.scoring(self.reward, times=self.compared_batches),
            Phase("kl", self.compared_batches / 2, kl, self.share),
        ]
