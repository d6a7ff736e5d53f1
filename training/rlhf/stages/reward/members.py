"""The members of a run: what each reward adapter learns from, and in which steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.rlhf.data.seen_prompts import prompt_digest
from training.rlhf.errors import DataError
from training.rlhf.stages.reward.comparisons import Comparison, Example, group_comparisons, plan_steps
from training.rlhf.stages.reward.recipe import RewardRecipe

_SEEDS_APART = 7919


@dataclass(frozen=True)
class Member:
    """What one reward adapter learns from, step by step, and the training prompts that it never sees.

    `seen` holds the digests of the prompts that it learns from, `left_out` the ids of the others.
    """

    seed: int
    comparisons: list[Comparison]
    steps: list[list[int]]
    left_out: list[str]
    seen: set[str]


def plan_members(recipe: RewardRecipe, learned: Sequence[Example]) -> list[Member]:
    """The members' seeds, folds and steps; a single one leaves nothing out."""
    prompts = sorted({each.preference.prompt_id for each in learned})
    size = recipe.ensemble_size
    if 1 < size > len(prompts):
        raise DataError(
            f"The training pairs are about {len(prompts)} prompts, too few for the {size} folds of "
            "ensemble_size."
        )
    order = np.random.default_rng(recipe.seed).permutation(len(prompts))
    members = []
    for number in range(size):
        left_out = {prompts[i] for i in order[number::size]} if size > 1 else set()
        seen = [each for each in learned if each.preference.prompt_id not in left_out]
        comparisons = group_comparisons(seen, most_pairs=recipe.batch_size)
        if not comparisons:
            raise DataError(
                "No pair is left to learn from: the rest are about two texts of the same tokens or about the "
                "prompts that this member of the ensemble leaves out."
            )
        seed = (recipe.seed + number * _SEEDS_APART) % 2**32
        steps = plan_steps(
            comparisons,
            pairs_per_step=recipe.batch_size,
            epochs=recipe.epochs,
            max_steps=recipe.max_steps,
            seed=seed,
        )
        digests = {prompt_digest(each.preference.prompt) for each in seen}
        members.append(Member(seed, comparisons, steps, sorted(left_out), digests))
    return members
