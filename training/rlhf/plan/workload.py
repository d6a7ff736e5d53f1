"""The passes that each stage makes, run on a shadow of its models: what `plan` counts.

A phase is one kind of pass, how often a run makes it, and its cost at the longest inputs. Batches are as the
stages form them; that sampled rows leave the batch when they end is not counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from training.rlhf.hardware.device import device_for
from training.rlhf.model.kernels.weight_prepacking import packed_bytes
from training.rlhf.model.logprobs import Block, answer_logprobs
from training.rlhf.model.reward_head import last_hidden_states, member_folders
from training.rlhf.model.sampling import reserved_cache
from training.rlhf.plan.lengths import Lengths
from training.rlhf.plan.meta_model import Cost
from training.rlhf.plan.meta_stage_models import ShadowModels
from training.rlhf.plan.reward_steps import RewardSteps, reward_steps
from training.rlhf.recipes import Recipe, SamplingRecipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.safety import number_of_prompts
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe

_BYTES_PER_TOKEN = 5  # of written text


@dataclass(frozen=True)
class Phase:
    """One kind of pass: `share` scales its time from the longest inputs to the usual ones.

    kept_bytes are alive beside it; `learns` tells that the cost includes making the gradients.
    """

    name: str
    times: float
    cost: Cost
    share: float = 1.0
    kept_bytes: int = 0
    learns: bool = False


class Workload(ShadowModels):
    """The phases of a stage on its shadow models."""

    def __init__(self, directory: RunDirectory, recipe: Recipe, location: str, lengths: Lengths) -> None:
        super().__init__(directory, recipe, location)
        self.lengths = lengths
        self.cache_bytes = 0

    def with_recipe(self, recipe: Recipe) -> "Workload":
        """The same run with other settings."""
        return Workload(self.directory, recipe, self.location, self.lengths)

    def phases(self) -> list[Phase]:
        return self._phases

    @cached_property
    def steps(self) -> int:
        """Optimiser steps, or batches where nothing is learned."""
        recipe = self.recipe
        if isinstance(recipe, PPORecipe):
            return recipe.steps
        if isinstance(recipe, RewardRecipe):
            return self._reward_steps.count
        if isinstance(recipe, SFTRecipe):
            return recipe.max_steps or math.ceil(
                math.ceil(self.lengths.rows / recipe.batch_size) * recipe.epochs
            )
        assert isinstance(recipe, SamplingRecipe)
        return math.ceil(self._answers / recipe.batch_size) + self._safety_batches

    @property
    def progress_lines(self) -> int:
        if isinstance(self.recipe, SFTRecipe | RewardRecipe):
            return 1 + self.steps // 5
        return self.steps

    @property
    def text_bytes(self) -> int:
        """What the stage writes besides weights, about."""
        recipe = self.recipe
        card = 6000
        if isinstance(recipe, PPORecipe):
            shown = 4 * (recipe.steps // recipe.samples_every + 1)
            return card + shown * (100 + _BYTES_PER_TOKEN * recipe.max_new_tokens)
        if isinstance(recipe, SamplingRecipe):
            batches = self._answers + self._safety_batches * recipe.batch_size
            return batches * (100 + _BYTES_PER_TOKEN * recipe.max_new_tokens)
        return card

    @property
    def _answers(self) -> int:
        """Answers to the dataset's prompts that generate and evaluate sample."""
        if isinstance(self.recipe, GenerateRecipe):
            return self.lengths.rows * self.recipe.completions_per_prompt
        if isinstance(self.recipe, EvaluateRecipe):
            return 2 * self.lengths.rows * self.recipe.samples_per_prompt
        return 0

    @property
    def _safety_batches(self) -> int:
        """Batches in which evaluate has both versions answer the safety prompts, which it neither scores nor
        compares."""
        if not isinstance(self.recipe, EvaluateRecipe):
            return 0
        return 2 * math.ceil(number_of_prompts() * self.recipe.samples_per_prompt / self.recipe.batch_size)

    @cached_property
    def _reward_steps(self) -> RewardSteps:
        assert isinstance(self.recipe, RewardRecipe)
        return reward_steps(self.directory, self.recipe, self.location, self.model)

    # Phases

    @cached_property
    def _phases(self) -> list[Phase]:
        if isinstance(self.recipe, PPORecipe):
            return self._ppo(self.recipe)
        if isinstance(self.recipe, SFTRecipe):
            return self._supervised(self.recipe)
        if isinstance(self.recipe, RewardRecipe):
            return self._compared()
        assert isinstance(self.recipe, SamplingRecipe)
        phases = self._sampling(self.recipe, times=self.steps, policy=self._policy)
        if isinstance(self.recipe, EvaluateRecipe):
            block = self._block(self.recipe.batch_size, self.recipe.max_new_tokens)
            compared = self.steps - self._safety_batches
            cost = self._cost(lambda: self._score(block), "reward")
            phases.append(Phase("scoring", compared * self._members, cost, self._share))
            cost = self._cost(lambda: self._logprobs(block), self._policy)
            phases.append(Phase("kl", compared / 2, cost, self._share))
        return phases

    @property
    def _policy(self) -> str | None:
        return "policy" if self.base.parameters("policy") else None

    @property
    def _members(self) -> int:
        """Adapters of the reward model, each of which scores everything."""
        assert isinstance(self.recipe, PPORecipe | EvaluateRecipe)
        folder = self.directory.resolve(self.recipe.reward_adapter)
        return len(member_folders(folder))

    @property
    def _share(self) -> float:
        answers = getattr(self.recipe, "max_new_tokens", 0)
        return (self.lengths.mean + answers) / (self.lengths.longest + answers)

    def _ppo(self, recipe: PPORecipe) -> list[Phase]:
        rows, answer = recipe.batch_size, recipe.max_new_tokens
        minibatch = math.ceil(rows / recipe.minibatches)
        micro = min(recipe.micro_batch_size, minibatch)
        passes = recipe.epochs * recipe.minibatches * math.ceil(minibatch / micro)
        rollouts = recipe.steps + 1 + recipe.calibration_answers / rows
        block = self._block(rows, answer)
        small = self._block(micro, answer)
        scoring = self._cost(lambda: self._score(block), "reward")
        # In parts, and of the base beside an adapter, as PPO asks them.
        part = self._block(min(rows, 2 * recipe.micro_batch_size), answer)
        reference = self._cost(lambda: self._logprobs(part), None)
        asked = 1 if recipe.policy_adapter is None or recipe.reanchor else 2
        referenced = (recipe.steps + 1) * asked * math.ceil(rows / len(part.ids))
        update = self._cost(lambda: self._logprobs(small).sum().backward(), "policy", learn=True)
        features = 4 * rows * answer * (self.hidden + 8)
        return [
            *self._sampling(recipe, times=rollouts, policy="policy"),
            Phase("scoring", rollouts * self._members, scoring, self._share),
            Phase("reference", referenced, reference, self._share, features),
            Phase(
                "update", recipe.steps * passes, update, self._share, features, learns=True
            ),
        ]  # fmt: skip

    def _supervised(self, recipe: SFTRecipe) -> list[Phase]:
        rows = min(recipe.batch_size, max(1, self.lengths.rows))

        def learn() -> None:
            ids = self._tensor(rows, self.lengths.longest)
            self.model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

        cost = self._cost(learn, self.learned, learn=True)
        return [Phase("update", self.steps, cost, self._share, learns=True)]

    def _compared(self) -> list[Phase]:
        steps = self._reward_steps
        with self.shadow.mode:
            inputs = {name: self.shadow.mode.from_tensor(each) for name, each in steps.inputs.items()}
        rows, ends = inputs.pop("rows"), inputs.pop("ends")
        trunk = getattr(self.model, self.model.base_model_prefix)

        def learn() -> None:
            hidden = trunk(**inputs, use_cache=False).last_hidden_state
            hidden[rows, ends].float().sum().backward()

        cost = self._cost(learn, self.learned, learn=True)
        return [Phase("update", steps.count, cost, steps.share, learns=True)]

    def _sampling(self, recipe: SamplingRecipe, *, times: float, policy: str | None) -> list[Phase]:
        """The prompt's pass, which makes the cache, and one token's pass with the cache full."""
        rows, width = recipe.batch_size, self.lengths.longest
        most = width + recipe.max_new_tokens
        full: Any = reserved_cache(self.model, most)
        # A shadow is on the processor, whatever the recipe says.
        packed = packed_bytes(self.model) if device_for(recipe.device).type == "cpu" else 0
        with self.shadow.mode, torch.no_grad(), self.base.use(policy):
            self._next(self._tensor(rows, most - 1), full)
        self.cache_bytes = sum(
            each.numel() * each.element_size() for layer in full.layers for each in (layer.keys, layer.values)
        )

        def prompt() -> None:
            _draw(self._next(self._tensor(rows, width), reserved_cache(self.model, most)))

        def token() -> None:
            _draw(self._next(self._tensor(rows, 1), full))

        started, one = self._cost(prompt, policy), self._cost(token, policy)
        share = (self.lengths.mean + recipe.max_new_tokens / 2) / (width + recipe.max_new_tokens)
        return [
            Phase("prompts", times, started, self.lengths.mean / width, packed),
            Phase(
                "sampling", times * recipe.max_new_tokens, one, max(share, 0.5), packed + self.cache_bytes
            ),
        ]  # fmt: skip

    def _next(self, ids: Tensor, cache: Any) -> Tensor:
        said = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return said.logits[:, -1]

    def _score(self, block: Block) -> Tensor:
        return last_hidden_states(self.model, block.ids, block.mask)[:, -1].float()

    def _logprobs(self, block: Block) -> Tensor:
        return answer_logprobs(self.model, block, 1.0)

    def _cost(self, work: Callable[[], Any], adapter: str | None, *, learn: bool = False) -> Cost:
        with self.base.use(adapter), torch.set_grad_enabled(learn):
            cost = self.shadow.cost(work)
        for parameter in self.model.parameters():
            parameter.grad = None
        return cost

    def _block(self, rows: int, answer: int) -> Block:
        with self.shadow.mode:
            ids = self._tensor(rows, self.lengths.longest + answer)
            return Block(ids, torch.ones_like(ids), torch.ones(rows, answer, dtype=torch.bool))

    def _tensor(self, rows: int, width: int) -> Tensor:
        with self.shadow.mode:
            return torch.zeros(rows, width, dtype=torch.long)


def _draw(logits: Tensor) -> Tensor:
    """As `sampling` draws, as far as memory goes."""
    temperature = 1.0
    return (logits.float() / temperature).softmax(-1).cumsum(-1)
