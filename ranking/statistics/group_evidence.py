"""Whether two groups of people foretell votes that had no part in finding them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from .reliability import Groups, People, chances, vote_weights
from .votes import Floats, Votes


@dataclass(frozen=True)
class Evidence:
    """What held-out votes say about two groups of people.

    A vote of the other group is worth `other` votes of the own one. That this is less than 1 is sure by so
    many standard errors, where one person's votes go together; and so many for the votes of each group alone.
    """

    other: float
    sure: float
    of_each: tuple[float, float]

    @classmethod
    def together(cls, folds: Sequence["Evidence"]) -> "Evidence":
        other, sure, *of_each = np.array([(each.other, each.sure, *each.of_each) for each in folds]).T
        total, *sides = (float(column.sum() / np.sqrt(len(folds))) for column in (sure, *of_each))
        return cls(float(other.mean()), total, (sides[0], sides[1]))


def weigh(known: Votes, asked: Votes, people: People, groups: Groups) -> Evidence:
    """What a known vote of the other group is worth, for foretelling the votes that are asked for."""
    first, second = groups.odds(known, vote_weights(known, people.right))[:, asked.pair]
    member = groups.second[asked.person]
    own = (1 - member) * first + member * second
    other = first + second - own
    hit, miss = chances(asked, people.right)

    def gains(worth: Floats) -> Floats:
        """(3, N): log likelihoods, and their slopes with what own and other votes are worth."""
        better = expit(worth[0] * own + worth[1] * other)
        chance = better * hit + (1 - better) * miss
        slope = (
            np.where(asked.for_first, 1 / chance, -1 / (1 - chance)) * (hit - miss) * better * (1 - better)
        )
        logs = np.log(np.where(asked.for_first, chance, 1 - chance))
        return np.stack([logs, slope * own, slope * other])

    def best(free: Floats, of: Floats) -> Floats:
        """The likeliest worths among the sums of the columns of `free`, for `of` each vote."""

        def loss(given: Floats) -> tuple[float, Floats]:
            logs, *slopes = gains(free @ given) @ of
            return -float(logs), -(free.T @ slopes)

        start = np.full(free.shape[1], 0.5)
        return np.asarray(free @ minimize(loss, start, jac=True, bounds=[(-3, 3)] * len(start)).x)

    def sure(of: Floats) -> float:
        return _surely_less(gains(best(np.ones((2, 1)), of))[1:] * of, asked)

    everybody = np.ones(len(asked))
    apart = best(np.eye(2), everybody)
    if apart[0] <= 0:
        return Evidence(1.0, 0.0, (0.0, 0.0))
    return Evidence(float(apart[1] / apart[0]), sure(everybody), (sure(1 - member), sure(member)))


def _surely_less(slopes: Floats, asked: Votes) -> float:
    """A score test at equal worths: in how many standard errors the other's would rather be less."""
    own, other = (np.bincount(asked.person, each, asked.people) for each in slopes)
    both = own + other  # what would change both worths alike is no evidence
    rest = (other @ both) / max(float(both @ both), 1e-12) * both - other
    deviation = float(np.sqrt(rest @ rest))
    return float(rest.sum()) / deviation if deviation > 1e-12 else 0.0
