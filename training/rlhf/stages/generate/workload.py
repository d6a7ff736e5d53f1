"""What `plan` counts of sampling completions."""

import math

from training.rlhf.plan.sampling import SamplingWorkload
from training.rlhf.plan.workload import Phase
from training.rlhf.stages.generate.recipe import GenerateRecipe


class StageWorkload(SamplingWorkload[GenerateRecipe]):
    """Batches of answers; those drawn anew are not counted."""

    def add_adapters(self) -> None:
        if self.recipe.policy_adapter is not None:
            self.add_policy("policy", self.recipe.policy_adapter)
        if self.recipe.reward_adapter is not None:
            self.reward = self.add_reward(self.recipe.reward_adapter)

    @property
    def answers(self) -> int:
        return self.lengths.rows * self.recipe.completions_per_prompt

    @property
    def steps(self) -> int:
        return math.ceil(self.answers / self.recipe.batch_size)

    @property
    def output_bytes(self) -> int:
        return self.answer_bytes(self.answers)

    def count_phases(self) -> list[Phase]:
        phases = self.sampling(times=self.steps)
        if self.recipe.reward_adapter is not None:
            phases.append(self.scoring(self.reward, times=self.steps))
        return phases
