"""What the stages that sample answers have in common, as `plan` counts it."""

from copy import copy
from typing import Any, TypeVar

import torch
from torch import Tensor

from training.rlhf.data.files import read_prompts
from training.rlhf.data.prompt_lengths import encode_fitting, prompt_limit
from training.rlhf.hardware.device import device_for
from training.rlhf.model.kernels.weight_prepacking import prepacked_bytes
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.model.logprobs import Block, answer_logprobs
from training.rlhf.model.reward_head import RewardModel, ScalarHead, last_hidden_states, load_reward
from training.rlhf.model.sampling import reserved_cache
from training.rlhf.plan.workload import Lengths, Phase, Workload, measure_lengths, sample_rows
from training.rlhf.recipes import SamplingRecipe

S = TypeVar("S", bound=SamplingRecipe)
_BYTES_PER_TOKEN, _BYTES_PER_LINE = 5, 100  # of written answers


class SamplingWorkload(Workload[S]):
    """Passes over prompts and answers; all answers are as long as the recipe's longest."""

    def read_lengths(self) -> Lengths:
        limit = prompt_limit(self.recipe, self.location)
        prompts = read_prompts(self.directory, self.recipe.dataset)
        looked_at = sample_rows(prompts)
        fitting = encode_fitting(looked_at, load_tokenizer(self.location), limit=limit)
        rows = round(len(prompts) * len(fitting.ids) / len(looked_at))
        return measure_lengths(rows, [len(ids) for ids in fitting.ids], limit)

    def answer_bytes(self, answers: int) -> int:
        """Bytes of so many lines of output, each with an answer."""
        return answers * (_BYTES_PER_LINE + _BYTES_PER_TOKEN * self.recipe.max_new_tokens)

    @property
    def policy(self) -> str | None:
        """The adapter that is sampled from; None for the plain base."""
        return "policy" if self.base.parameters("policy") else None

    def add_reward(self, folder: str) -> RewardModel:
        """The reward model of a folder, or what a stage to come will write there."""
        recipe = self.to_come.get(folder)
        if recipe is None:
            return load_reward(self.base, self.directory.resolve(folder))
        names = tuple(f"reward-{n}" if n else "reward" for n in range(vars(recipe)["ensemble_size"]))
        for name in names:
            self.add_fresh(name, recipe)
        return RewardModel(names, tuple(ScalarHead(self.hidden) for _ in names))

    # Passes

    def sampling(self, *, times: float) -> list[Phase]:
        """The prompt's pass, which makes the cache, and one token's pass with the cache full."""
        recipe, policy = self.recipe, self.policy
        rows, width = recipe.batch_size, self.lengths.longest
        most = width + recipe.max_new_tokens
        full: Any = reserved_cache(self.model, most)
        # A meta model is on the processor, whatever the recipe says.
        prepacked = prepacked_bytes(self.model) if device_for(recipe.device).type == "cpu" else 0
        with self.meta.mode, torch.no_grad(), self.base.use(policy), self.layers.few():
            self._next_logits(self.token_ids(rows, most - 1), full)
        filled = [layer for layer in full.layers if layer.is_initialized]
        self.cache_bytes = self.layers.total([layer.keys.nbytes + layer.values.nbytes for layer in filled])

        def prompt() -> None:
            _draw(self._next_logits(self.token_ids(rows, width), reserved_cache(self.model, most)))

        def token() -> None:
            cache = copy(full)  # each count adds its token to what was filled
            cache.layers = [copy(layer) for layer in full.layers]
            _draw(self._next_logits(self.token_ids(rows, 1), cache))

        first, one = self.cost(prompt, policy), self.cost(token, policy)
        share = (self.lengths.mean + recipe.max_new_tokens / 2) / most
        kept = prepacked + self.cache_bytes
        return [
            Phase("prompts", times, first, self.lengths.mean / width, prepacked),
            Phase("sampling", times * recipe.max_new_tokens, one, max(share, 0.5), kept),
        ]

    def scoring(self, reward: RewardModel, *, times: float) -> Phase:
        """One batch's pass through each adapter of the reward model."""
        block = self.block(self.recipe.batch_size)
        cost = self.cost(
            lambda: last_hidden_states(self.model, block.ids, block.mask)[:, -1].float(), "reward"
        )
        return Phase("scoring", times * len(reward.names), cost, self.share)

    def logprobs(self, block: Block) -> Tensor:
        return answer_logprobs(self.model, block, 1.0)

    def block(self, rows: int) -> Block:
        """So many prompts with their answers, all of the longest."""
        answer = self.recipe.max_new_tokens
        ids = self.token_ids(rows, self.lengths.longest + answer)
        with self.meta.mode:
            return Block(ids, torch.ones_like(ids), torch.ones(rows, answer, dtype=torch.bool))

    def _next_logits(self, ids: Tensor, cache: Any) -> Tensor:
        output = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: Tensor = output.logits[:, -1]
        return logits


def _draw(logits: Tensor) -> Tensor:
    """As `model.sampling` draws, as far as memory goes."""
    temperature = 1.0
    return (logits.float() / temperature).softmax(-1).cumsum(-1)
