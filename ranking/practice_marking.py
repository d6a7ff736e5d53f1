"""When a practice answer is right; no Django here."""

from collections.abc import Sequence
from itertools import combinations

WRONG_SHARE = 0.25
"""How much of the order of more than two answers may be wrong."""


def is_right(given: Sequence[int], known: Sequence[int]) -> bool:
    """Whether ranks say what is known of the same answers, in the same places; 1 is best, equal is a tie.

    Of two answers the side has to be right, or that they are equal; how much better is not asked. Of more,
    whatever was given the first rank has to be among the best. Then every pair that is known to differ is
    looked at, and at most a quarter of them may be wrong: one the other way round counts as one, a tie as
    half of one. What is known to be equally good may be ranked in any way.
    """
    if len(given) == 2:
        return _sign(*given) == _sign(*known)
    if any(rank == min(given) and best > min(known) for rank, best in zip(given, known, strict=True)):
        return False
    pairs = [
        (_sign(given[a], given[b]), _sign(known[a], known[b]))
        for a, b in combinations(range(len(known)), 2)
        if known[a] != known[b]
    ]
    wrong = sum(abs(said - truth) / 2 for said, truth in pairs)
    return wrong <= WRONG_SHARE * len(pairs)


def _sign(first: int, second: int) -> int:
    return (first > second) - (first < second)
