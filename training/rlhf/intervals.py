"""Confidence intervals of a share: a win rate, an accuracy. All are of 95 %.

Outcomes of one prompt are alike, so the uncertainty comes from the prompts: they are resampled.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

_TAIL = 0.025
_RESAMPLES = 2000


def share_interval(outcomes: NDArray[Any], prompt_ids: Sequence[str], *, seed: int) -> tuple[float, float]:
    """Interval of the mean of outcomes (N,), each between 0 and 1, about the prompts (N).

    Percentile bootstrap over prompts. Where all outcomes are the same (won, lost or tied) a bootstrap has no
    spread at all; then it is Wilson's interval with every prompt as one observation. Without an outcome it is
    (0, 1).
    """
    if len(outcomes) == 0:
        return 0.0, 1.0
    _, prompt = np.unique(np.asarray(prompt_ids), return_inverse=True)
    sums, sizes = np.bincount(prompt, weights=outcomes), np.bincount(prompt)
    if (outcomes == outcomes[0]).all():
        return wilson_interval(float(outcomes[0]) * len(sizes), len(sizes))
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(_RESAMPLES, len(sizes)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.quantile(means, [_TAIL, 1 - _TAIL])
    return float(low), float(high)


def wilson_interval(successes: float, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927); half a success widens it both ways."""
    low = binomtest(math.floor(successes), trials).proportion_ci(method="wilson").low
    high = binomtest(math.ceil(successes), trials).proportion_ci(method="wilson").high
    return float(low), float(high)
