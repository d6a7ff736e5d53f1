"""What `plan` counts of PPO: rollouts, their scores and log-probabilities, and updates."""

import math

from training.rlhf.plan.sampling import SamplingWorkload
from training.rlhf.plan.workload import Phase
from training.rlhf.rundir import KEEP_CHECKPOINTS
from training.rlhf.stages.ppo.experience import forward_rows
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.samples import SHOWN

_CARD_BYTES = 6000


class StageWorkload(SamplingWorkload[PPORecipe]):
    """One iteration more than there are updates is sampled and scored."""

    learned = "policy"

    def add_adapters(self) -> None:
        recipe = self.recipe
        if recipe.policy_adapter is None:
            self.add_fresh("policy", recipe)
        else:
            for name in ("policy",) if recipe.reanchor else ("policy", "reference"):
                self.add_policy(name, recipe.policy_adapter)
        self.reward = self.add_reward(recipe.reward_adapter)

    @property
    def adapter_bytes(self) -> int:
        last_good = sum(each.numel() for each in self.base.parameters("policy"))
        return super().adapter_bytes + 4 * last_good

    @property
    def steps(self) -> int:
        return self.recipe.steps

    @property
    def optimizer_steps(self) -> int:
        return self.recipe.steps * self.recipe.epochs * self.recipe.minibatches

    @property
    def checkpoints(self) -> int:
        return min(KEEP_CHECKPOINTS, self.recipe.steps // self.recipe.checkpoint_every)

    @property
    def checkpoint_bytes(self) -> int:
        """Policy, its two moments and the last good policy; the value head with its moments."""
        return 4 * 4 * self.trainable + 3 * 4 * (self.hidden + 1)

    @property
    def output_bytes(self) -> int:
        shown = SHOWN * (self.recipe.steps // self.recipe.samples_every + 1)
        return 4 * self.trainable + _CARD_BYTES + self.answer_bytes(shown)

    def count_phases(self) -> list[Phase]:
        recipe = self.recipe
        rows = recipe.batch_size
        rollouts = recipe.steps + 1 + recipe.calibration_answers / rows
        return [
            *self.sampling(times=rollouts),
            self.scoring(self.reward, times=rollouts),
            self.reference(),
            self.update(),
        ]

    @property
    def _feature_bytes(self) -> int:
        """Of the hidden states and the numbers for each token that a rollout keeps."""
        return 4 * self.recipe.batch_size * self.recipe.max_new_tokens * (self.hidden + 8)

    def reference(self) -> Phase:
        recipe = self.recipe
        part = self.block(min(recipe.batch_size, forward_rows(recipe)))
        cost = self.cost(lambda: self.logprobs(part), None)
        models = 1 if recipe.policy_adapter is None or recipe.reanchor else 2
        times = (recipe.steps + 1) * models * math.ceil(recipe.batch_size / len(part.ids))
        return Phase("reference", times, cost, self.share, self._feature_bytes)

    def update(self) -> Phase:
        recipe = self.recipe
        minibatch = math.ceil(recipe.batch_size / recipe.minibatches)
        micro = min(recipe.micro_batch_size, minibatch)
        times = recipe.steps * recipe.epochs * recipe.minibatches * math.ceil(minibatch / micro)
        part = self.block(micro)
        cost = self.cost(lambda: self.logprobs(part).sum().backward(), "policy", learn=True)
        return Phase("update", times, cost, self.share, self._feature_bytes, learns=True)
