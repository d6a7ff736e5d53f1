"""How sure a win rate is.

Answers to one prompt are alike, so the uncertainty comes from the prompts: they are what is resampled.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def win_rate_interval(
    wins: NDArray[np.int64], losses: NDArray[np.int64], *, confidence: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Interval of wins / (wins + losses), from counts per prompt (N,).

    Percentile bootstrap over prompts. Where all decided comparisons went one way a bootstrap sees no doubt
    at all; then it is Wilson's interval with every decided prompt as one observation. Without a decided
    comparison it is (0, 1).
    """
    decided = wins + losses > 0
    wins, losses = wins[decided], losses[decided]
    if len(wins) == 0:
        return 0.0, 1.0
    if wins.sum() == 0 or losses.sum() == 0:
        return wilson_interval(len(wins) if wins.sum() else 0, len(wins), confidence=confidence)
    drawn = np.random.default_rng(seed).integers(len(wins), size=(resamples, len(wins)))
    won, lost = wins[drawn].sum(1), losses[drawn].sum(1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(won / (won + lost), [tail, 1 - tail])
    return float(low), float(high)


def wilson_interval(successes: int, trials: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
