"""How reliable people's votes are, and what the votes say with that known.

A person is a coin that falls on the better answer with a probability of their own (the one-coin model of
Dawid & Skene 1979). Here each has two: one for pairs of which they saw the better answer first, one for the
others. So whoever leans to the first answer, or always takes it, is neither an expert nor an enemy. The
reliability is the mean of both. Expectation-maximisation finds the coins, and which answers are better.

The priors of the coins keep every value within its bounds, whatever the votes are. Ties are no votes: as half
a vote for each answer they make coins of people who see small differences, and groups of people by how often
they tie (on real votes, see docs/quality.md).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from .votes import Bools, Floats, Votes

RIGHT, WRONG = 4.0, 2.0
"""The Beta prior of a coin: its mode is 3/4, and it weighs as much as four votes."""
LIKELIEST = (RIGHT - 1) / (RIGHT + WRONG - 2)
UNSURE = float(np.sqrt(LIKELIEST * (1 - LIKELIEST) / (RIGHT + WRONG - 2) / 2))
"""Of somebody without votes: each coin, and the deviation of the reliability."""
USUAL = 1.5
"""The temperature without votes; nearly what simulated votes give whose people agree on 71 % of pairs."""
DOUBTED, SURE = 0.6, 1.645
"""Whose reliability is below 0.6 with a probability of 95 % says hardly more than a coin."""
STEPS, TOLERANCE = 200, 1e-3


@dataclass(frozen=True)
class Checked:
    """How many questions with known answers each of M people got right, and how many wrong."""

    right: Floats
    wrong: Floats


@dataclass(frozen=True)
class Groups:
    """Two groups of people, each with better answers of its own; see `groups`, which finds them.

    `second` (M,) is how likely each person is in the second, `contested` on what share of pairs their better
    answers differ, and `share` the second group's part of all people.
    """

    second: Floats
    contested: float
    share: float

    def odds(self, votes: Votes, weights: Floats) -> Floats:
        """(2, P): each group's log odds by the votes of its own members."""
        second = self.second[votes.person]
        return np.stack([votes.by_pair(weights * (1 - second)), votes.by_pair(weights * second)])

    def heard(self, odds: Floats) -> Floats:
        """(2, …): each group's log odds with what those of the other say, where the two may differ."""
        return np.asarray(odds + logit(self.contested + (1 - 2 * self.contested) * expit(odds[::-1])))

    def differ(self, odds: Floats) -> Floats:
        """(…): how likely the better answers differ, by each group's log odds of its own."""
        alike, apart = (np.abs(odds[0] + odds[1]) / 2, np.abs(odds[0] - odds[1]) / 2)
        less = apart + np.log1p(np.exp(-2 * apart)) - alike - np.log1p(np.exp(-2 * alike))
        return np.asarray(expit(logit(self.contested) + less))


@dataclass(frozen=True)
class People:
    """What M people's votes are worth.

    `right` (M, 2) is the probability of voting for the better answer: where it was shown second, and where
    it was shown first. `deviation` (M,) is the standard deviation of the reliability.
    """

    right: Floats
    deviation: Floats
    groups: Groups | None = None

    @property
    def reliability(self) -> Floats:
        """(M,), between 0 and 1; 1/2 says nothing, and below it people vote against the better answer."""
        return np.asarray(self.right.mean(axis=1))

    @property
    def doubted(self) -> Bools:
        """(M,): whose votes surely say hardly more than a coin, or the opposite."""
        return np.asarray(self.reliability + SURE * self.deviation < DOUBTED)


def fit_people(votes: Votes, checked: Checked | None = None, groups: Groups | None = None) -> People:
    """The coins that are most likely, after their priors, while no pair's better answer is known."""
    counting = Counting(votes, checked)
    first = (votes.by_pair(votes.for_first) + 0.5) / (np.bincount(votes.pair, minlength=votes.pairs) + 1)
    believed, right = first[votes.pair], np.zeros((votes.people, 2))
    for _ in range(STEPS):
        before, right = right, counting.coins(believed)
        believed = beliefs(votes, right, groups)
        if np.abs(right - before).max(initial=0.0) < TOLERANCE:
            break
    return People(right, counting.deviation(right, believed), groups)


def beliefs(votes: Votes, right: Floats, groups: Groups | None) -> Floats:
    """(N,): how likely the first answer of each vote's pair is the better one, for its person's group."""
    if groups is None:
        return np.asarray(expit(log_odds(votes, right))[votes.pair])
    first, second = expit(groups.heard(groups.odds(votes, vote_weights(votes, right))))[:, votes.pair]
    member = groups.second[votes.person]
    return np.asarray((1 - member) * first + member * second)


def beliefs_on(votes: Votes, people: People, temperature: float) -> tuple[Floats, Floats]:
    """(P,) each: how likely a pair's first answer is better, and how likely that is for one group only.

    With groups the first is for somebody of either by its share.
    """
    weights = votes.weight * vote_weights(votes, people.right) / temperature
    groups = people.groups
    if groups is None:
        return np.asarray(expit(votes.by_pair(weights))), np.zeros(votes.pairs)
    odds = groups.odds(votes, weights)
    first, second = expit(groups.heard(odds))
    return (1 - groups.share) * first + groups.share * second, groups.differ(odds)


def log_odds(votes: Votes, right: Floats) -> Floats:
    """(P,): the log odds that a pair's first answer is the better one; 0 without votes."""
    return votes.by_pair(vote_weights(votes, right))


def vote_weights(votes: Votes, right: Floats) -> Floats:
    """(N,): how far each vote moves the log odds of its pair."""
    hit, miss = np.log(right), np.log1p(-right)
    # Where the first answer is not the better one, the better one was on the other side.
    against, for_first = miss - hit[:, ::-1], hit - miss[:, ::-1]
    table = np.stack([against, for_first], axis=2)  # (M, 2, 2)
    return np.asarray(table.ravel()[votes.kind])


def chances(votes: Votes, right: Floats) -> tuple[Floats, Floats]:
    """(N,) each: how likely votes are for the first answer where it is better, and where it is not."""
    on_top = votes.first_on_top.astype(np.int64)
    return right[votes.person, on_top], 1 - right[votes.person, 1 - on_top]


class Counting:
    """Counts how often people are right, given how likely each vote's first answer is the better one."""

    def __init__(self, votes: Votes, checked: Checked | None) -> None:
        self._votes = votes
        self._all = votes.by_kind(votes.evidence)
        # On which side a known answer was is not stored: half of each counts for either coin.
        known = (checked.right, checked.wrong) if checked else np.zeros((2, votes.people))
        self._hits, self._misses = (
            each[:, None] / 2 + prior - 1 for each, prior in zip(known, (RIGHT, WRONG), strict=True)
        )

    def coins(self, first: Floats) -> Floats:
        """(M, 2): the mode of each coin."""
        hits, misses = self._counts(first)
        return hits / (hits + misses)

    def deviation(self, right: Floats, first: Floats) -> Floats:
        """(M,): of the mean of both coins, from the information that is left when the better answers are not
        known: that of known ones, less the variance of their score (Louis 1982, equation 3.1).

        At least the prior's information is left.
        """
        hits, misses = self._counts(first)
        unsure = self._votes.by_kind(self._votes.evidence * first * (1 - first))
        square = np.stack([1 / (1 - right), 1 / right], axis=2) ** 2  # of the score of a miss, and of a hit
        missing = (unsure * square).sum(axis=2) + (unsure[:, ::-1] * square[:, :, ::-1]).sum(axis=2)
        known = hits / right**2 + misses / (1 - right) ** 2
        least = (RIGHT + WRONG - 2) / (right * (1 - right))
        return np.asarray(np.sqrt((1 / np.maximum(known - missing, least)).sum(axis=1)) / 2)

    def _counts(self, first: Floats) -> tuple[Floats, Floats]:
        better = self._votes.by_kind(self._votes.evidence * first)
        worse = (self._all - better)[:, ::-1]  # the better one is the second, which was on the other side
        return better[..., 1] + worse[..., 0] + self._hits, better[..., 0] + worse[..., 1] + self._misses
