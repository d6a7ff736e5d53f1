"""Votes saved at equal win rate, from lines through win rate and logarithm of the votes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
Rates = Mapping[int, Sequence[float]]
"""By seed, the win rate at each number of votes."""


class Saved(NamedTuple):
    """The share of votes saved at a number of votes, with the 90 % interval of the mean over seeds.

    -1 where the line does not rise, so that no number of votes would do.
    """

    share: float
    low: float
    high: float


def saved_shares(reference: Rates, own: Rates, votes: Sequence[int]) -> list[Saved]:
    """What `own` saves of each number of votes at the win rate that the reference reaches with them.

    Intervals are by bootstrap over the seeds, which both have in common.
    """
    seeds, rng = sorted(reference), np.random.default_rng(0)
    draws = rng.choice(seeds, (DRAWS, len(seeds)))
    drawn = np.array([_shares(reference, own, votes, draw) for draw in draws])  # (DRAWS, votes)
    low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
    shares = _shares(reference, own, votes, seeds)
    return [Saved(*map(float, each)) for each in zip(shares, low, high, strict=True)]


def _shares(reference: Rates, own: Rates, votes: Sequence[int], seeds: Sequence[int]) -> NDArray[np.float64]:
    places = np.log(np.array(votes, dtype=np.float64))
    lines = [np.polyfit(places, np.mean([rates[s] for s in seeds], axis=0), 1) for rates in (reference, own)]
    wanted = np.polyval(lines[0], places)
    slope, height = lines[1]
    if slope <= 0:
        return np.full(len(votes), -1.0)
    # No more than a hundredth or a hundred times as many: beyond, the lines say nothing.
    needed = np.clip((wanted - height) / slope - places, -np.log(100), np.log(100))
    return np.maximum(1 - np.exp(needed), -1.0)
