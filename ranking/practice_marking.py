"""When a practice answer is right; no Django here."""

from collections.abc import Sequence
from itertools import combinations

WRONG_SHARE = 0.25
"""How much of the order of more than two answers may be wrong."""


def is_right(given: Sequence[int], known: Sequence[int]) -> bool:
    """Whether `given` ranks agree well enough with the `known` ones; 1 is best, equal ranks are ties.

    Two answers: the better one, or the tie, has to be right. More: whatever is ranked first has to be one of
    the best, and of the pairs that are known to differ at most a quarter may be wrong; a pair in the wrong
    order counts as one, a tie as half of one. Answers that are known to be equal may be ranked in any order.
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
    wrong = sum(abs(answered - truth) / 2 for answered, truth in pairs)
    return wrong <= WRONG_SHARE * len(pairs)


def _sign(first: int, second: int) -> int:
    return (first > second) - (first < second)
