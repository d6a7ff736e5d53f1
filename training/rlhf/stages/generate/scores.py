"""How good the newest reward model expects answers to be, and how far it may err.

An ensemble says both by the scores of its members. Of a single adapter the head is drawn from the Laplace
approximation of its posterior (of the last layer alone, as in Daxberger et al. 2021, arXiv 2106.14806): a
normal distribution around the trained head w, whose covariance is the inverse of

    H = lambda I + sum over the pairs of weight * p (1 - p) d d^T,    p = sigmoid(w . d),

d the difference of what the head is given for the two answers. lambda is the mean of |d|^2: so the prior
deviation of the difference of two scores is about 1. What is below the head is taken as known, so the spread
is too small where answers are unlike all that were compared.
"""

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.files import TRAIN, read_preferences
from training.rlhf.errors import DataError
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.reward_head import (
    RewardModel,
    load_reward,
    require_scores,
    score_sequences,
    states_of_sequences,
)
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.reward.comparisons import Example, encode_preferences

DRAWS = 32
MOST_PAIRS = 2000
"""Of more pairs so many stand for all: enough to know where the reward model has seen much."""


def score_answers(
    directory: RunDirectory,
    recipe: GenerateRecipe,
    base: SharedBase,
    tokenizer: PreTrainedTokenizerBase,
    sequences: list[list[int]],
) -> Tensor | None:
    """Scores (N, S) of whole conversations by S members or draws; None without a reward adapter."""
    if recipe.reward_adapter is None:
        return None
    reward = load_reward(base, directory.resolve(recipe.reward_adapter))
    how = int(tokenizer.pad_token_id), recipe.batch_size, directory.raise_if_cancelled
    if len(reward.names) > 1:
        return score_sequences(base, reward, sequences, *how).T
    pairs, weight = _pairs(directory, recipe, tokenizer)
    places = {ids: place for place, ids in enumerate(sorted({ids for pair in pairs for ids in pair}))}
    known = states_of_sequences(base, reward.names[0], [list(ids) for ids in places], *how)
    chosen, rejected = (known[[places[pair[side]] for pair in pairs]] for side in (0, 1))
    heads = draw_heads(_head(reward), chosen - rejected, weight, draws=DRAWS, seed=recipe.seed)
    states = states_of_sequences(base, reward.names[0], sequences, *how)
    return require_scores(states.double() @ heads.T)


def draw_heads(head: Tensor, differences: Tensor, weight: Tensor, *, draws: int, seed: int) -> Tensor:
    """Heads (S, H) from the posterior around the trained one, (H,); their mean is the trained one.

    `differences` (P, H) are those of the P pairs that it learned from, with their weights (P,).
    """
    head, differences = head.double(), differences.double()
    probability = torch.sigmoid(differences @ head)
    curvature = weight * probability * (1 - probability)
    prior = differences.square().sum(1).mean()
    precision = differences.T @ (differences * curvature[:, None]) + prior * torch.eye(len(head)).double()
    factor = torch.linalg.cholesky(precision)
    noise = torch.randn(len(head), draws // 2, generator=torch.Generator().manual_seed(seed)).double()
    deviations = torch.linalg.solve_triangular(factor.T, noise, upper=True).T
    return torch.cat([head + deviations, head - deviations])


def _pairs(
    directory: RunDirectory, recipe: GenerateRecipe, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[tuple[tuple[int, ...], tuple[int, ...]]], Tensor]:
    """The token ids of the two answers of each pair, and the pairs' weights (P,)."""
    assert recipe.preferences is not None
    longest = recipe.max_prompt_tokens + recipe.max_new_tokens
    rows = [row for row in read_preferences(directory, recipe.preferences) if row.split == TRAIN]
    examples = [each for each in encode_preferences(tokenizer, rows) if _counts(each, longest)]
    if not examples:
        raise DataError("The preferences have no pair that is as short as the answers which are sampled.")
    order = np.random.default_rng(recipe.seed).permutation(len(examples))[:MOST_PAIRS]
    chosen = [examples[i] for i in order]
    scale = len(examples) / len(chosen)
    weight = torch.tensor([scale * each.preference.weight for each in chosen], dtype=torch.float64)
    return [(each.chosen_ids, each.rejected_ids) for each in chosen], weight


def _counts(example: Example, longest: int) -> bool:
    return example.longest <= longest and example.chosen_ids != example.rejected_ids


def _head(reward: RewardModel) -> Tensor:
    """(H,) on the processor."""
    return reward.heads[0].linear.weight.detach().squeeze(0).cpu()
