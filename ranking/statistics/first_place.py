"""How much the first place hangs on few votes: how many would have to go for another item to be first.

As in `leverage`, votes go in the order of how much nearer each brings a rival, to first order (Broderick,
Giordano & Meager 2020, arXiv 2011.14999); who is first among those left is exact. Other votes, fewer of them,
may change it, too.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .bradley_terry import Counts, Paired, Votes, fit
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
    paired = Paired.of(votes, items)
    whole = paired.counts()
    found = fit(whole, items)
    first, *rivals = np.argsort(-found.rating, kind="stable")[: RIVALS + 1].tolist()
    removing = Removing(paired, whole, items, first)
    inverse = found.inverse
    residual = votes.outcome - expit(found.rating[votes.first] - found.rating[votes.second])
    gaps, effects = [], []
    for rival in rivals:
        moved = inverse[first] - inverse[rival]
        gaps.append(float(found.rating[first] - found.rating[rival]))
        effects.append((moved[votes.first] - moved[votes.second]) * residual)
    return Leverage(
        min(_numbers(removing, gaps, effects), default=None),
        len(residual),
        _one_person(removing, votes.person, gaps, effects),
    )


@dataclass(frozen=True)
class Removing:
    """Whether an item is first alone without some of the votes."""

    paired: Paired
    whole: Counts
    items: int
    item: int

    def changes(self, gone: Ids) -> bool:
        """Without the votes of these rows it is not: what they add up to is taken from the whole."""
        rating = fit(self.whole.less(self.paired.counts(gone)), self.items).rating
        return bool(rating[self.item] <= np.delete(rating, self.item).max() + EVEN)


def _numbers(removing: Removing, gaps: list[float], effects: list[Column]) -> list[int]:
    """How many votes must go for a rival, for the rivals that need fewest by first order."""
    guesses = [
        int(np.searchsorted(np.cumsum(-np.sort(-effect)), gap))
        for effect, gap in zip(effects, gaps, strict=True)
    ]
    nearest = sorted(range(len(gaps)), key=guesses.__getitem__)[:TRIED]
    found = [
        _fewest(removing, np.argsort(-effects[rival], kind="stable"), guesses[rival]) for rival in nearest
    ]
    return [number for number in found if number is not None]


def _fewest(removing: Removing, order: Ids, guess: int) -> int | None:
    """How many votes go, in this order, until the item is not first alone; None if it always is."""
    stays, high = -1, min(guess, len(order))
    while not removing.changes(order[:high]):
        if high == len(order):
            return None
        stays, high = high, min(2 * high + 1, len(order))
    while high - stays > 1:
        middle = (stays + high) // 2
        stays, high = (stays, middle) if removing.changes(order[:middle]) else (middle, high)
    return high


def _one_person(removing: Removing, person: Ids, gaps: list[float], effects: list[Column]) -> bool:
    """Whether it is not first alone without the votes of one of those who bring it most."""
    _people, person = np.unique(person, return_inverse=True)
    shares = [np.bincount(person, effect) / max(gap, EVEN) for gap, effect in zip(gaps, effects, strict=True)]
    most = np.argsort(-np.max(shares, axis=0), kind="stable")[:TRIED]
    return any(removing.changes(np.flatnonzero(person == one)) for one in most)
