"""Sample answers from a causal language model in batches with a key-value cache.

Every row draws from its own random stream, so its answer does not depend on which rows share its batch. Rows
are padded on the left, batches hold prompts of similar length, and rows that have ended leave the batch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import DynamicLayer

from training.rlhf.data.padding import pad, positions_of
from training.rlhf.errors import ModelError
from training.rlhf.model.loading import find_stop_ids
from training.rlhf.recipes import SamplingRecipe

# Fewer rows make a step cheaper, but moving the cache costs too: shrink only when this share is left.
_SHRINK_AT = 0.75


@dataclass(frozen=True)
class Sampling:
    """How to sample: log-probabilities refer to the distribution at this temperature, before the nucleus.

    An answer ends with the first of `stop_ids` that is drawn.
    """

    max_new_tokens: int
    temperature: float
    top_p: float
    stop_ids: tuple[int, ...]
    pad_id: int

    @classmethod
    def of(cls, recipe: SamplingRecipe, tokenizer: PreTrainedTokenizerBase, location: str) -> Self:
        """A recipe's sampling settings with the special tokens of a base model and its tokenizer."""
        return cls(
            recipe.max_new_tokens,
            recipe.temperature,
            recipe.top_p,
            find_stop_ids(location, tokenizer),
            int(tokenizer.pad_token_id),
        )


@dataclass(frozen=True)
class Answer:
    """A sampled answer: tokens with the stop token when it ended by itself, the log-probability of each."""

    tokens: list[int]
    logprobs: list[float]
    finished: bool

    @property
    def content(self) -> list[int]:
        """The tokens without the stop token."""
        return self.tokens[:-1] if self.finished else self.tokens

    def completed(self, ending: list[int]) -> list[int]:
        """The answer as the chat template ends it (`chat.ending`), whatever it ended with or was cut off."""
        return [*self.content, *ending]


@torch.inference_mode()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    how: Sampling,
    *,
    seed: int,
    batch_size: int = 64,
    after_batch: Callable[[int], None] | None = None,
    streams: Sequence[int] | None = None,
) -> list[Answer]:
    """One answer per prompt (token ids), in the order of the prompts; row i draws from stream (seed, i).

    With `streams` it draws from (seed, streams[i]): the prompts are some rows of a batch, by their numbers.
    `after_batch` is called with the number of answers so far.
    """
    answers: dict[int, Answer] = {}
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        numbers = rows if streams is None else [streams[i] for i in rows]
        uniforms = np.stack([_stream(seed, i).random(how.max_new_tokens) for i in numbers])
        batch = _sample_batch(model, [prompts[i] for i in rows], how, torch.from_numpy(uniforms))
        answers.update(zip(rows, batch, strict=True))
        if after_batch is not None:
            after_batch(len(answers))
    return [answers[i] for i in range(len(prompts))]


def _stream(seed: int, row: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, row]))


def _sample_batch(
    model: PreTrainedModel, prompts: list[list[int]], how: Sampling, uniforms: Tensor
) -> list[Answer]:
    device = model.device
    ids, mask = (each.to(device) for each in pad(prompts, how.pad_id, left=True))  # (B, T)
    uniforms = uniforms.to(device)
    positions = positions_of(mask)
    cache = reserved_cache(model, ids.shape[1] + how.max_new_tokens)
    tokens = torch.full((len(prompts), how.max_new_tokens), how.pad_id, device=device)
    logprobs = torch.zeros(len(prompts), how.max_new_tokens, device=device)
    # Which answer each row of the shrinking batch belongs to.
    rows = torch.arange(len(prompts), device=device)
    running = torch.ones(len(prompts), dtype=torch.bool, device=device)
    for step in range(how.max_new_tokens):
        logits = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]  # (B, V)
        chosen, chosen_logprobs = _draw(logits.float() / how.temperature, how.top_p, uniforms[rows, step])
        tokens[rows, step] = chosen
        logprobs[rows, step] = chosen_logprobs
        for stop in how.stop_ids:
            running &= chosen != stop
        left = int(running.sum())  # the only wait for the device in a step
        if left == 0 or step + 1 == how.max_new_tokens:
            break
        positions = positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        if left <= _SHRINK_AT * len(rows):
            keep = running.nonzero().squeeze(-1)
            cache.batch_select_indices(keep)
            rows, running, chosen = rows[keep], running[keep], chosen[keep]
            positions, mask = positions[keep], mask[keep]
        ids = chosen.unsqueeze(-1)
    drawn = zip(tokens.tolist(), logprobs.tolist(), strict=True)
    return [_answer(*row, how.stop_ids) for row in drawn]


def require_numbers(answers: Sequence[Answer]) -> None:
    """Raise ModelError when the answers come from a model whose weights are no numbers."""
    if not all(math.isfinite(sum(answer.logprobs)) for answer in answers):
        raise ModelError(
            "The model gives no numbers: weights of the base or of its adapter are damaged, or too large for "
            "the number format (dtype)."
        )


class _ReservedLayer(DynamicLayer):
    """A layer of the cache with room for all tokens, so that none is copied when one is added."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        shape = (*key_states.shape[:2], self.length)
        self.key_room = key_states.new_empty((*shape, key_states.shape[-1]))
        self.value_room = value_states.new_empty((*shape, value_states.shape[-1]))

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        start = self.get_seq_length()
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = start + key_states.shape[-2]
        self.key_room[:, :, start:end] = key_states
        self.value_room[:, :, start:end] = value_states
        self.keys, self.values = self.key_room[:, :, :end], self.value_room[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        end = self.get_seq_length()
        self.key_room, self.value_room = self.key_room[indices], self.value_room[indices]
        self.keys, self.values = self.key_room[:, :, :end], self.value_room[:, :, :end]


def reserved_cache(model: PreTrainedModel, length: int) -> DynamicCache:
    """A cache for so many tokens; layers that keep a window only stay as transformers makes them."""
    cache = DynamicCache(config=model.config)
    cache.layers = [
        _ReservedLayer(length) if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def _draw(logits: Tensor, top_p: float, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (B,) at the given quantiles (B,) of the distributions (B, V), and their log-probabilities."""
    probabilities = logits.softmax(-1)
    kept = probabilities if top_p == 1 else _nucleus(probabilities, top_p)
    cumulative = kept.cumsum(-1)
    # Below all of the mass even after rounding, so that what is chosen has some.
    most = torch.nextafter(cumulative[:, -1], torch.zeros_like(cumulative[:, -1]))
    quantiles = torch.minimum(uniforms.float() * cumulative[:, -1], most)
    chosen = torch.searchsorted(cumulative, quantiles.unsqueeze(-1), right=True)
    chosen = chosen.clamp(
        max=logits.shape[-1] - 1
    )  # of logits that are no numbers, which `require_numbers` reports
    return chosen.squeeze(-1), probabilities.gather(-1, chosen).squeeze(-1).log()


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero outside the smallest set of tokens with mass top_p (Holtzman et al. 2020, section 3.1)."""
    ordered, order = probabilities.sort(-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(outside, 0.0))


def _answer(tokens: list[int], logprobs: list[float], stop_ids: tuple[int, ...]) -> Answer:
    """The answer up to its stop token; what a row drew after it, until it left the batch, does not count."""
    ends = [tokens.index(stop) + 1 for stop in stop_ids if stop in tokens]
    length = min(ends, default=len(tokens))
    return Answer(tokens[:length], logprobs[:length], finished=bool(ends))
