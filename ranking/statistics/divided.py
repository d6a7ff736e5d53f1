"""Pairs of answers about which people divide: by taste, not by mistake."""

from math import comb

import numpy as np

from .consensus import Ids, PairVotes, votes_on_pairs

FEWEST_VOTES = 10
ERROR, LEVEL = 0.15, 0.01


def find_divided(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> PairVotes:
    """The pairs where the smaller side has more votes than errors explain; ties have no side.

    If everybody preferred the same answer, and one vote in 1/`ERROR` were a mistake, then the smaller side
    would have m or more of n votes with the binomial probability P(M ≥ m). A pair is divided where n is
    `FEWEST_VOTES` at least and that probability below `LEVEL`: 5 of 10, 8 of 20, 10 of 30. The arguments are
    columns as of `sides_of`.
    """
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    pairs = zip(votes.for_first.tolist(), votes.for_second.tolist(), strict=True)
    is_divided = np.array([are_divided(first, second) for first, second in pairs], dtype=bool)
    return PairVotes(*(column[is_divided] for column in vars(votes).values()))


def are_divided(first: int, second: int) -> bool:
    """Whether so many votes for either answer are more than mistakes."""
    count, fewer = first + second, min(first, second)
    if count < FEWEST_VOTES:
        return False
    chance = sum(
        comb(count, wrong) * ERROR**wrong * (1 - ERROR) ** (count - wrong)
        for wrong in range(fewer, count + 1)
    )
    return chance < LEVEL
