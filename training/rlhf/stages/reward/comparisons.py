"""Preferences as comparisons: every completion once, and the pairs that people ordered among them.

InstructGPT (Ouyang et al. 2022, section 3.4) learns from all pairs of a comparison as one element: a
completion is encoded once, not once for each of its pairs, and read once in an epoch, which overfits less.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_conversation
from training.rlhf.data.files import Preference


@dataclass(frozen=True)
class Example:
    """A preference with the token ids of its two whole conversations."""

    preference: Preference
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]

    @property
    def longest(self) -> int:
        return max(len(self.chosen_ids), len(self.rejected_ids))


class Pair(NamedTuple):
    """Two sequences of a comparison by their places: the left one is better with this probability."""

    left: int
    right: int
    probability: float
    weight: float


@dataclass(frozen=True)
class Comparison:
    """Sequences (token ids of whole conversations), all different, and the pairs among them."""

    prompt_id: str
    sequences: tuple[tuple[int, ...], ...]
    pairs: tuple[Pair, ...]


def encode_preferences(
    tokenizer: PreTrainedTokenizerBase, preferences: Sequence[Preference]
) -> list[Example]:
    """The preferences with their token ids; a conversation that several rows share is rendered once."""
    known: dict[tuple[tuple[str, str], ...], tuple[int, ...]] = {}

    def encode(messages: list[dict[str, str]]) -> tuple[int, ...]:
        key = tuple((message["role"], message["content"]) for message in messages)
        if key not in known:
            known[key] = tuple(encode_conversation(tokenizer, messages))
        return known[key]

    return [
        Example(each, encode(each.prompt + each.chosen), encode(each.prompt + each.rejected))
        for each in preferences
    ]


def group_comparisons(examples: Sequence[Example], *, most_pairs: int) -> list[Comparison]:
    """The comparisons of these examples, in the order of their first rows.

    Rows belong together by comparison_id, or by prompt where they have none. Rows about the same two
    completions become one pair whose weight is the sum of theirs and whose probability is their mean by
    weight, which leaves the loss as it was. A comparison of more than `most_pairs` pairs is cut in parts.
    Weights are one on average over the pairs.
    """
    groups: dict[tuple[str | None, str], list[Example]] = {}
    for example in examples:
        key = example.preference.comparison_id, example.preference.prompt_id
        groups.setdefault(key, []).append(example)
    comparisons = [
        _part(prompt_id, pairs[start : start + most_pairs])
        for (_, prompt_id), group in groups.items()
        for pairs in [_merge(group)]
        for start in range(0, len(pairs), most_pairs)
    ]
    weights = [pair.weight for comparison in comparisons for pair in comparison.pairs]
    mean = float(np.mean(weights)) if weights else 1.0
    return [
        replace(each, pairs=tuple(pair._replace(weight=pair.weight / mean) for pair in each.pairs))
        for each in comparisons
    ]


def plan_steps(
    comparisons: Sequence[Comparison], *, pairs_per_step: int, epochs: float, max_steps: int, seed: int
) -> list[list[int]]:
    """The comparisons of every optimiser step of a whole training, by their places in the sequence.

    A step holds whole comparisons, as many as have `pairs_per_step` pairs or nearly. Every epoch is
    shuffled anew. `max_steps` above 0 ends the training, whatever `epochs` is.
    """
    steps: list[list[int]] = []
    epoch = 0
    while len(steps) < max_steps if max_steps else epoch < epochs:
        one = _plan_epoch(comparisons, pairs_per_step, np.random.default_rng([seed, epoch]))
        steps += one[: math.ceil(min(1.0, epochs - epoch) * len(one))] if not max_steps else one
        epoch += 1
    return steps[:max_steps] if max_steps else steps


def _plan_epoch(
    comparisons: Sequence[Comparison], pairs_per_step: int, rng: np.random.Generator
) -> list[list[int]]:
    pairs = np.array([len(each.pairs) for each in comparisons])
    order = rng.permutation(len(comparisons))
    count = max(1, round(pairs.sum() / pairs_per_step))
    middles = np.cumsum(pairs[order]) - pairs[order] / 2
    step_of = (middles * count / pairs.sum()).astype(int)
    steps = np.split(order, np.flatnonzero(np.diff(step_of)) + 1)
    return [step.tolist() for step in steps]


def _merge(group: Sequence[Example]) -> list[tuple[tuple[int, ...], tuple[int, ...], float, float]]:
    """The pairs (left, right, probability, weight) of a comparison's rows, each two sequences once."""
    totals: dict[tuple[tuple[int, ...], tuple[int, ...]], list[float]] = {}
    for example in group:
        left, right = example.chosen_ids, example.rejected_ids
        probability, weight = example.preference.probability, example.preference.weight
        if left == right or weight == 0:
            continue
        if (right, left) in totals:
            left, right, probability = right, left, 1 - probability
        total = totals.setdefault((left, right), [0.0, 0.0])
        total[0] += weight * probability
        total[1] += weight
    return [(*sides, total[0] / total[1], total[1]) for sides, total in totals.items()]


def _part(
    prompt_id: str, pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...], float, float]]
) -> Comparison:
    place: dict[tuple[int, ...], int] = {}
    for left, right, *_ in pairs:
        place.setdefault(left, len(place))
        place.setdefault(right, len(place))
    return Comparison(
        prompt_id=prompt_id,
        sequences=tuple(place),
        pairs=tuple(Pair(place[left], place[right], *rest) for left, right, *rest in pairs),
    )
