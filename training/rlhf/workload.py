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
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, DynamicCache

from training.rlhf.adapters import SharedBase, lora_config, read_adapter
from training.rlhf.lengths import Lengths
from training.rlhf.recipes import (
    EvaluateRecipe,
    GenerateRecipe,
    LoRARecipe,
    PPORecipe,
    Recipe,
    RewardRecipe,
    SamplingRecipe,
    SFTRecipe,
)
from training.rlhf.rollout import Block, answer_logprobs
from training.rlhf.rundir import RunDirectory
from training.rlhf.scoring import last_hidden_states, member_folders
from training.rlhf.shadow import Cost, Shadow

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


class Workload:
    """A stage's models as shadows, and its phases."""

    def __init__(self, directory: RunDirectory, recipe: Recipe, location: str, lengths: Lengths) -> None:
        self.directory, self.recipe, self.location, self.lengths = directory, recipe, location, lengths
        self.shadow = Shadow()
        kind: Any = AutoModelForCausalLM
        settings = {}
        if isinstance(recipe, RewardRecipe):
            kind, settings = AutoModelForSequenceClassification, {"num_labels": 1}
        self.model = self.shadow.model(location, recipe.dtype, kind, **settings)
        self.parameters = sum(each.numel() for each in self.model.parameters())
        self.base_bytes = sum(each.numel() * each.element_size() for each in self.model.parameters())
        self.base = SharedBase(self.model)
        self.hidden = self.base.hidden_size
        self.learned: str | None = None
        with torch.device("meta"):
            self.adapter_bytes = self._add_adapters()
        self.trainable = sum(each.numel() for each in self.model.parameters() if each.requires_grad)
        if isinstance(recipe, RewardRecipe):
            self.trainable += self.hidden  # peft trains a copy of the score head
        self.shadow.bring_in(self.model)
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
        if isinstance(recipe, SFTRecipe | RewardRecipe):
            return recipe.max_steps or math.ceil(
                math.ceil(self.lengths.rows / recipe.batch_size) * recipe.epochs
            )
        assert isinstance(recipe, SamplingRecipe)
        return math.ceil(self._answers / recipe.batch_size)

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
            return self._answers * (100 + _BYTES_PER_TOKEN * recipe.max_new_tokens)
        return card

    @property
    def _answers(self) -> int:
        """Answers that generate and evaluate sample."""
        if isinstance(self.recipe, GenerateRecipe):
            return self.lengths.rows * self.recipe.completions_per_prompt
        if isinstance(self.recipe, EvaluateRecipe):
            return 2 * self.lengths.rows * self.recipe.samples_per_prompt
        return 0

    def _add_adapters(self) -> int:
        """Add what the stage adds to the base; returns the bytes of all adapters."""
        recipe = self.recipe
        if isinstance(recipe, SFTRecipe) and not recipe.lora_r:
            self.model.requires_grad_(True)
            return 0
        copies = 0
        if isinstance(recipe, PPORecipe):
            self._add_policy(recipe)
            self._add("reward", recipe.reward_adapter)
            copies = 1  # the last good policy
        elif isinstance(recipe, LoRARecipe):
            self._add_fresh("policy", recipe)
        elif isinstance(recipe, EvaluateRecipe):
            self._add("reward", recipe.reward_adapter)
            self._add("baseline", recipe.baseline_adapter)
            self._add("policy", recipe.candidate_adapter)
        elif isinstance(recipe, GenerateRecipe):
            self._add("policy", recipe.policy_adapter)
        loras = sum(each.numel() for name, each in self.model.named_parameters() if "lora_" in name)
        if self.learned is None:
            return 4 * loras
        self.base.train(self.learned)
        return 4 * (loras + copies * sum(each.numel() for each in self.base.parameters(self.learned)))

    def _add_policy(self, recipe: PPORecipe) -> None:
        if recipe.policy_adapter is None:
            self._add_fresh("policy", recipe)
        else:
            self._add("policy", recipe.policy_adapter)
            self._add("reference", recipe.policy_adapter)
        self.learned = "policy"

    def _add_fresh(self, name: str, recipe: LoRARecipe) -> None:
        config = lora_config(self.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
        self.base.add(name, config)
        self.learned = name

    def _add(self, name: str, folder: str | None) -> None:
        """Add an adapter, or the members of a reward ensemble as `load_reward` names them."""
        if folder is not None:
            for number, member in enumerate(member_folders(self.directory.resolve(folder))):
                config, _ = read_adapter(member)
                self.base.add(f"{name}-{number}" if number else name, config)

    # Phases

    @cached_property
    def _phases(self) -> list[Phase]:
        if isinstance(self.recipe, PPORecipe):
            return self._ppo(self.recipe)
        if isinstance(self.recipe, SFTRecipe | RewardRecipe):
            return self._supervised(self.recipe)
        assert isinstance(self.recipe, SamplingRecipe)
        phases = self._sampling(self.recipe, times=self.steps, policy=self._policy)
        if isinstance(self.recipe, EvaluateRecipe):
            block = self._block(self.recipe.batch_size, self.recipe.max_new_tokens)
            cost = self._cost(lambda: self._score(block), "reward")
            phases.append(Phase("scoring", self.steps, cost, self._share))
            cost = self._cost(lambda: self._logprobs(block), self._policy)
            phases.append(Phase("kl", self.steps / 2, cost, self._share))
        return phases

    @property
    def _policy(self) -> str | None:
        return "policy" if self.base.parameters("policy") else None

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
        reference = self._cost(lambda: self._logprobs(block), None)
        update = self._cost(lambda: self._logprobs(small).sum().backward(), "policy", learn=True)
        features = 4 * rows * answer * (self.hidden + 8)
        return [
            *self._sampling(recipe, times=rollouts, policy="policy"),
            Phase("scoring", rollouts, scoring, self._share),
            Phase("reference", recipe.steps + 1, reference, self._share, features),
            Phase(
                "update", recipe.steps * passes, update, self._share, features, learns=True
            ),
        ]  # fmt: skip

    def _supervised(self, recipe: SFTRecipe | RewardRecipe) -> list[Phase]:
        rows = min(recipe.batch_size, max(1, self.lengths.rows))

        def learn() -> None:
            ids = self._tensor(rows * (2 if isinstance(recipe, RewardRecipe) else 1), self.lengths.longest)
            if isinstance(recipe, RewardRecipe):
                last_hidden_states(self.model, ids, torch.ones_like(ids)).float().sum().backward()
            else:
                self.model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

        cost = self._cost(learn, self.learned, learn=True)
        return [Phase("update", self.steps, cost, self._share, learns=True)]

    def _sampling(self, recipe: SamplingRecipe, *, times: float, policy: str | None) -> list[Phase]:
        """The prompt's pass and one token's pass with the cache full; the cache is alive beside both."""
        rows, width = recipe.batch_size, self.lengths.longest
        full = self._new_cache(rows, width + recipe.max_new_tokens, policy)
        self.cache_bytes = sum(
            tensor.numel() * tensor.element_size()
            for layer in full.layers
            for tensor in (layer.keys, layer.values)
        )

        def prompt() -> None:
            with self.shadow.mode:
                _draw(self._next(self._tensor(rows, width), DynamicCache(config=self.model.config)))

        def token() -> None:
            _draw(self._next(self._tensor(rows, 1), full))

        started, one = self._cost(prompt, policy), self._cost(token, policy)
        share = (self.lengths.mean + recipe.max_new_tokens / 2) / (width + recipe.max_new_tokens)
        return [
            Phase("prompts", times, started, self.lengths.mean / width),
            # The cache grows by being copied, so that for a moment there are two of one layer.
            Phase("sampling", times * recipe.max_new_tokens, one, max(share, 0.5), self.cache_bytes),
        ]

    def _new_cache(self, rows: int, width: int, policy: str | None) -> Any:
        cache = DynamicCache(config=self.model.config)
        with self.shadow.mode, torch.no_grad(), self.base.use(policy):
            self._next(self._tensor(rows, width - 1), cache)
        return cache

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
    return logits.float().log_softmax(-1).exp().double().cumsum(-1)
