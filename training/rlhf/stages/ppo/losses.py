"""What PPO optimises, as functions of tensors.

Shapes: a batch of B answers, padded to R tokens; `mask` (B, R) is true on an answer's tokens. Reward, value
and advantage at (b, t) belong to choosing token t of answer b.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor, tokens: Tensor | None = None) -> Tensor:
    """Mean over the tokens of all answers; for a part of a batch, its share of the mean over all `tokens`."""
    return (values * mask).sum() / (mask.sum() if tokens is None else tokens)


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Scale to mean 0 and deviation 1 over all tokens; zero outside the mask."""
    mean = masked_mean(values, mask)
    deviation = (masked_mean((values - mean) ** 2, mask) + 1e-8).sqrt()
    return torch.where(mask, (values - mean) / deviation, 0.0)


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


@dataclass(frozen=True)
class PolicyLoss:
    """The clipped surrogate and how far the step moves the policy."""

    loss: Tensor
    clip_fraction: Tensor
    approx_kl: Tensor


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    clip_range: float,
    tokens: Tensor | None = None,
) -> PolicyLoss:
    """Clipped surrogate objective, negated (Schulman et al. 2017, equation 7), averaged over tokens.

    For a part of a minibatch `tokens` are those of all of it: the parts' figures then add up to its own.
    `approx_kl` estimates the KL per token of the rollout's policy to the new one by (r - 1) - log r, which is
    never negative (Schulman 2020).
    """
    log_ratio = torch.where(mask, logprobs - old_logprobs, 0.0)
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    losses = torch.maximum(-advantages * ratio, -advantages * clipped)
    with torch.no_grad():
        clip_fraction = masked_mean(((ratio - 1).abs() > clip_range).float(), mask, tokens)
        approx_kl = masked_mean(ratio - 1 - log_ratio, mask, tokens)
    return PolicyLoss(masked_mean(losses, mask, tokens), clip_fraction, approx_kl)


def value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip_range: float
) -> Tensor:
    """Half the squared error, the larger of clipped and plain (PPO's reference code), per token."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return 0.5 * masked_mean(torch.maximum((values - returns) ** 2, (clipped - returns) ** 2), mask)


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
