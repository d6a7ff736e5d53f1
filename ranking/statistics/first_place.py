"""How much the first place hangs on few votes: how many would have to go for another item to be first.

As in `leverage`, votes go in the order of how much nearer each brings a rival, to first order (Broderick,
Giordano & Meager 2020, arXiv 2011.14999); who is first among those left is exact. Other votes, fewer of them,
may change it, too.
"""

import numpy as np
from scipy.special import expit

from .bradley_terry import Counts, Votes, fit
from .leverage import Leverage
from .sequential import Column, Ids

RIVALS = 20
TRIED = 3
"""Of the rivals, and of the people, that come nearest to a change, so many are tried exactly."""
EVEN = 1e-9


def leverage_of_first(votes: Votes, items: int) -> Leverage:
    """The fewest votes found without which the best item is not first alone, and whether one person has them.

    The items are two or more of one component.
    """
    found = fit(Counts.of(votes, items), items)
    first, *rivals = np.argsort(-found.rating, kind="stable")[: RIVALS + 1]
    inverse = found.inverse
    residual = votes.outcome - expit(found.rating[votes.first] - found.rating[votes.second])
    gaps, effects = [], []
    for rival in rivals:
        moved = inverse[first] - inverse[rival]
        gaps.append(found.rating[first] - found.rating[rival])
        effects.append((moved[votes.first] - moved[votes.second]) * residual)
    numbers = _numbers(votes, items, first, gaps, effects)
    return Leverage(
        min(numbers, default=None), len(residual), _one_person(votes, items, first, gaps, effects)
    )


def _numbers(votes: Votes, items: int, first: int, gaps: list[float], effects: list[Column]) -> list[int]:
    """How many votes must go for a rival, for the rivals that need fewest by first order."""
    orders = [np.argsort(-effect, kind="stable") for effect in effects]
    guesses = [
        int(np.searchsorted(np.cumsum(effect[order]), gap))
        for effect, order, gap in zip(effects, orders, gaps, strict=True)
    ]
    nearest = sorted(range(len(gaps)), key=guesses.__getitem__)[:TRIED]
    found = [_fewest(votes, items, first, orders[rival], guesses[rival]) for rival in nearest]
    return [number for number in found if number is not None]


def _fewest(votes: Votes, items: int, first: int, order: Ids, guess: int) -> int | None:
    """How many votes go, in this order, until the item is not first alone; None if it always is."""

    def changes(number: int) -> bool:
        return not _is_first(votes, items, first, order[number:])

    stays, high = -1, min(guess, len(order))
    while not changes(high):
        if high == len(order):
            return None
        stays, high = high, min(2 * high + 1, len(order))
    while high - stays > 1:
        middle = (stays + high) // 2
        stays, high = (stays, middle) if changes(middle) else (middle, high)
    return high


def _one_person(votes: Votes, items: int, first: int, gaps: list[float], effects: list[Column]) -> bool:
    """Whether it is not first alone without the votes of one of those who bring it most."""
    _people, person = np.unique(votes.person, return_inverse=True)
    shares = [np.bincount(person, effect) / max(gap, EVEN) for gap, effect in zip(gaps, effects, strict=True)]
    most = np.argsort(-np.max(shares, axis=0), kind="stable")[:TRIED]
    return any(not _is_first(votes, items, first, np.flatnonzero(person != one)) for one in most)


def _is_first(votes: Votes, items: int, item: int, kept: Ids) -> bool:
    """Whether the item is first alone by the votes that are kept."""
    rating = fit(Counts.of(votes.at(kept), items), items).rating
    return bool(rating[item] > np.delete(rating, item).max() + EVEN)
