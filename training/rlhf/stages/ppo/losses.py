"""The losses that PPO minimises, as functions of tensors.

Shapes: a batch of B answers, padded to R tokens; `mask` (B, R) is true on an answer's tokens. Value
and advantage at (b, t) belong to choosing token t of answer b.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor, tokens: Tensor | None = None) -> Tensor:
    """Mean over the tokens of all answers; for a part of a batch, its share of the mean over all `tokens`."""
    return (values * mask).sum() / (mask.sum() if tokens is None else tokens)


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
