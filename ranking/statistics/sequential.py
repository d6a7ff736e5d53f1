"""The stopping rule of the blind test: when enough people have voted, and what their votes then say.

A candidate must pass this gate before release. People see an answer of the candidate and one of the live
version without knowing which is which; a vote is 1 where the candidate won, 1/2 a tie, 0 where it lost. The
interval of the mean is an asymptotic confidence sequence (Waudby-Smith et al. 2021, arXiv
2103.06476), so that one may look while votes come in. Its variance is clustered by people and by prompts
(Cameron, Gelbach & Miller 2011), because votes of one person, and votes about one prompt, go together.
The paper proves it for independent votes; for clustered ones `make bench-gate` measures how often it errs:
more often, the fewer people vote.

The mean at the moment of stopping is biased: a test stops when luck has carried it far enough. `shrunken` is
drawn back towards 1/2 by a prior, and its bias is smaller.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Ids = NDArray[np.int64]

LOOKS = range(60, 601, 20)  # votes at which the gate is looked at
ALPHA = 0.05
MARGIN = 0.05  # no difference: all of the interval is this near to 1/2
NARROWEST_AT = 300  # votes for which the sequence is narrowest
PRIOR_SD = 0.15  # of the means of candidates around 1/2: two of three lie between 0.35 and 0.65
_RHO2 = (-2 * log(ALPHA) + log(1 - 2 * log(ALPHA))) / NARROWEST_AT


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    GO_ON = "go on"


@dataclass(frozen=True)
class Look:
    """What so many votes say: their mean, its variance V, and the interval.

    Without votes of two people and about two prompts V is infinite and the interval is everything.
    """

    votes: int
    mean: float
    variance: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """By the interval; never before the first look, and at the last one it is not `GO_ON`."""
        if self.votes < LOOKS[0]:
            return Verdict.GO_ON
        if self.low > 1 / 2:
            return Verdict.BETTER
        if self.high < 1 / 2:
            return Verdict.WORSE
        near = self.low >= 1 / 2 - MARGIN and self.high <= 1 / 2 + MARGIN
        return Verdict.NO_DIFFERENCE if near or self.votes >= LOOKS[-1] else Verdict.GO_ON

    @property
    def shrunken(self) -> float:
        """The mean of the posterior, where the prior is normal around 1/2 with deviation `PRIOR_SD`."""
        return 1 / 2 + (self.mean - 1 / 2) * PRIOR_SD**2 / (PRIOR_SD**2 + self.variance)


class Clusters(NamedTuple):
    """Sums over the clusters of one kind, each with N votes that add up to S; fields broadcast."""

    squares: Column  # of S
    products: Column  # of S and N
    sizes: Column  # squares of N

    def spread(self, mean: Column, votes: Column) -> Column:
        """G / (G - 1) times the sum of (S - mean N)², infinite with a single cluster.

        G is their effective number (Kish 1965), (sum of N)² / sum of N², which is their number where all are
        of one size: the more unequal they are, the more the sum falls short.
        """
        squares = self.squares - 2 * mean * self.products + mean**2 * self.sizes
        number = votes**2 / self.sizes
        single = number <= 1
        return np.where(single, np.inf, squares * number / np.where(single, 1, number - 1))


@dataclass(frozen=True)
class Intervals:
    """Columns with the fields of looks, one look for each set of votes."""

    votes: Column
    mean: Column
    variance: Column
    low: Column
    high: Column

    @classmethod
    def of(cls, votes: Column, total: Column, squares: Column, people: Clusters, prompts: Clusters) -> Self:
        """From the number of the votes, their sum, the sum of their squares, and their clusters.

        With e a vote less the mean, s² the mean of e², and one vote of each person about each prompt:

            V = max{[people.spread + prompts.spread - sum of e²] / n², s² / n},  n' = s² / V,
            half = sqrt(V (1 + 1 / (n' ρ²)) ln((n' ρ² + 1) / α²))

        Where all votes are alike, s² is that of these votes and one win and one loss more: that nobody has
        disagreed so far does not mean that nobody would.
        """
        mean = total / votes
        spread = squares / votes - mean**2
        with_two = (squares + 1) / (votes + 2) - ((total + 1) / (votes + 2)) ** 2
        s2 = np.where(spread > 0, spread, with_two)
        clustered = people.spread(mean, votes) + prompts.spread(mean, votes) - votes * spread
        variance = np.maximum(clustered / votes**2, s2 / votes)
        scaled = s2 / variance * _RHO2
        half = np.sqrt((variance + variance**2 / (s2 * _RHO2)) * np.log((scaled + 1) / ALPHA**2))
        return cls(votes, mean, variance, np.maximum(mean - half, 0), np.minimum(mean + half, 1))

    def look(self, place: int) -> Look:
        columns = (self.mean, self.variance, self.low, self.high)
        return Look(int(self.votes[place]), *(float(column[place]) for column in columns))


def look(outcome: Column, person: Ids, prompt: Ids) -> Look:
    """What all of these votes say; columns of N values. Their order does not matter."""
    if not len(outcome):
        return Look(0, 1 / 2, np.inf, 0.0, 1.0)
    return after_each(outcome, person, prompt).look(-1)


def decide(outcome: Column, person: Ids, prompt: Ids) -> Look:
    """The first look with a verdict, or the last one so far, at votes in the order in which they came.

    Looks are at the numbers of `LOOKS`, however many votes come at once. Before the first one: what there is.
    """
    if len(outcome) < LOOKS[0]:
        return look(outcome, person, prompt)
    found = after_each(outcome, person, prompt)
    looks = (found.look(votes - 1) for votes in LOOKS if votes <= len(outcome))
    for one in looks:
        if one.verdict is not Verdict.GO_ON:
            break
    return one


def after_each(outcome: Column, person: Ids, prompt: Ids) -> Intervals:
    """The intervals after the first vote, the first two, …, all N, in the time of sorting them."""
    votes = np.arange(1.0, len(outcome) + 1)
    people, prompts = (_clusters_after_each(outcome, ids) for ids in (person, prompt))
    return Intervals.of(votes, np.cumsum(outcome), np.cumsum(outcome**2), people, prompts)


def _clusters_after_each(outcome: Column, ids: Ids) -> Clusters:
    """A vote x in a cluster with S and N so far adds (S + x)² - S² to the squares, and so on."""
    order = np.argsort(ids, kind="stable")
    is_first = np.diff(ids[order], prepend=ids[order][:1] - 1) != 0

    def so_far(values: Column) -> Column:
        """The sum of the earlier votes in the same cluster."""
        sums = np.cumsum(values[order]) - values[order]
        unsorted = np.empty_like(sums)
        unsorted[order] = sums - sums[is_first][np.cumsum(is_first) - 1]
        return unsorted

    total, size = so_far(outcome), so_far(np.ones_like(outcome))
    return Clusters(
        np.cumsum(2 * total * outcome + outcome**2),
        np.cumsum(total + size * outcome + outcome),
        np.cumsum(2 * size + 1),
    )
