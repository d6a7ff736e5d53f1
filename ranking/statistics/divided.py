"""Pairs of answers about which people divide: by taste, not by mistake."""

from math import comb

import numpy as np

from .votes import Bools, Floats, Ids

FEWEST_VOTES = 10
ERROR, LEVEL = 0.15, 0.01
DIFFER = 0.8
"""The least probability that two groups of people prefer different answers."""


def find_divided(for_first: Ids, for_second: Ids, differ: Floats) -> Bools:
    """The pairs with more votes for both sides than mistakes explain, or with a group of people on either.

    `differ` is how likely two groups of people, if there are any, prefer different answers.
    """
    sides = zip(for_first.tolist(), for_second.tolist(), strict=True)
    return np.array([are_divided(*each) for each in sides], dtype=bool) | (differ >= DIFFER)


def are_divided(first: int, second: int) -> bool:
    """Whether so many votes for either answer are more than mistakes; ties have no side.

    If everybody preferred the same answer, and one vote in 1/`ERROR` were a mistake, then the smaller side
    would have m or more of n votes with the binomial probability P(M ≥ m). They are divided where n is
    `FEWEST_VOTES` at least and that probability below `LEVEL`: 5 of 10, 8 of 20, 10 of 30.
    """
    count, fewer = first + second, min(first, second)
    if count < FEWEST_VOTES:
        return False
    chance = sum(
        comb(count, wrong) * ERROR**wrong * (1 - ERROR) ** (count - wrong)
        for wrong in range(fewer, count + 1)
    )
    return chance < LEVEL
