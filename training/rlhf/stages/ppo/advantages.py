"""Rewards of tokens, with the price of KL, and the advantages that follow from them, as functions of tensors.

Shapes: a batch of B answers, padded to R tokens; `mask` (B, R) is true on an answer's tokens. Reward, value
and advantage at (b, t) belong to choosing token t of answer b.
"""

import torch
from torch import Tensor

from training.rlhf.stages.ppo.losses import masked_mean


def token_rewards(
    scores: Tensor, logprobs: Tensor, reference: Tensor, mask: Tensor, kl_coef: float
) -> Tensor:
    """The KL price at every token and the score at the last one (Ziegler et al. 2019, equation 2): (B, R).

    scores (B,), logprobs and reference (B, R).
    """
    rewards = torch.where(mask, -kl_coef * (logprobs - reference), 0.0)
    last = mask.sum(-1) - 1
    rewards[torch.arange(len(rewards), device=last.device), last] += scores
    return rewards


def generalised_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns (Schulman et al. 2016, equation 16), both (B, R), zero outside the mask.

    An answer ends at its last token: no value follows it.
    """
    advantages = torch.zeros_like(rewards)
    following_value = following = rewards.new_zeros(len(rewards))
    for t in range(rewards.shape[1] - 1, -1, -1):
        delta = rewards[:, t] + gamma * following_value - values[:, t]
        following = torch.where(mask[:, t], delta + gamma * lam * following, 0.0)
        following_value = torch.where(mask[:, t], values[:, t], 0.0)
        advantages[:, t] = following
    return advantages, torch.where(mask, advantages + values, 0.0)


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Scale to mean 0 and deviation 1 over all tokens; zero outside the mask."""
    mean = masked_mean(values, mask)
    deviation = (masked_mean((values - mean) ** 2, mask) + 1e-8).sqrt()
    return torch.where(mask, (values - mean) / deviation, 0.0)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """The share of the returns' variance that the values explain: 1 - Var(returns - values) / Var(returns).

    Over all tokens: 1 is all of it, 0 what a constant explains, less is worse than a constant.
    It is 0 where the returns do not vary.
    """
    residual, total = (returns - values)[mask].var(correction=0), returns[mask].var(correction=0)
    return torch.where(total > 0, 1 - residual / total, 0.0)


def adapt_kl_coef(kl_coef: float, kl: float, *, target: float, answers: int, horizon: int) -> float:
    """The KL price after some answers (Ziegler et al. 2019, section 2.2); fixed for target 0."""
    if target == 0:
        return kl_coef
    error = min(max(kl / target - 1, -0.2), 0.2)
    return kl_coef * (1 + error * answers / horizon)
