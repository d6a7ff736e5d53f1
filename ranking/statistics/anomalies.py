"""People who vote unlike all others: against what others say, or for one side whatever was shown there.

As on LMArena (Chiang et al. 2024, arXiv 2403.04132), the votes of a person are looked at as they came, at
five points: at the end, and at four earlier ones that are random, so that later votes do not hide earlier
ones. Each point may give a fifth of the false alarms. Two things differ. LMArena combines the p-values of all
votes by Fisher's method, in which votes on pairs about which others say little are noise; here votes are
added up by how far they speak against a coin. And people differ in skill and taste, so the spread among them
is part of what is usual. It is taken to be `DIFFER` at least, for a minority that is too small to be found as
a group. So who answers at random is rather found by their reliability.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import expit, ndtr

from .reliability import People, log_odds, vote_weights
from .votes import Bools, Floats, Ids, Votes

POINTS, FALSE_ALARMS = 5, 0.01
"""At how many points of their votes people are looked at, and how many of 100 may be named by chance."""
FEWEST_VOTES = 10
DIFFER, LEAN = 0.25, 0.2
"""The least deviation among people: of their slope, and of their lean to the answer shown first."""
SURELY = 0.98
"""No vote is more certain than this: everybody errs at times."""
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(frozen=True)
class Unlike:
    """How M people's votes compare with those of others, in columns of M values.

    Of `votes` on pairs where others favour an answer, they `agreed` in so many and would be `expected` to
    agree in so many; they `took_top`, the answer that they saw first, in so many. `against` and `one_sided`
    are the p-values: how likely somebody usual agrees so little, or has one side so often.
    """

    votes: Ids
    agreed: Ids
    expected: Floats
    took_top: Ids
    against: Floats
    one_sided: Floats


@dataclass(frozen=True)
class _Usual:
    """How people vote: for the answer on top with the probability (1 + lean + slope * said) / 2.

    `said` (N,) is how far others favour the one on top, from -1 to 1; `spread` the deviation of slopes.
    """

    said: Floats
    lean: float
    slope: float
    spread: float

    @property
    def top(self) -> Floats:
        return np.clip((1 + self.lean + self.slope * self.said) / 2, 1 - SURELY, SURELY)


def unlike_others(votes: Votes, people: People, divided: Bools, ids: Ids, *, seed: int = 0) -> Unlike:
    """Compare each person's votes, in the order given, with what all others say on the same pairs.

    Pairs that are `divided` (P,) say nothing against anybody, and where people are of two groups, others are
    those of one's own. `ids` (M,) of the people have their check points stay the same.
    """
    votes = votes.among(~divided[votes.pair])
    said = np.where(votes.first_on_top, 1, -1) * (2 * _others(votes, people) - 1)
    usual = _usual(votes, people, said)
    took_top = votes.for_first == votes.first_on_top
    heard = said != 0
    count = np.bincount(votes.person[heard], minlength=votes.people)
    with_others = heard & (took_top == (said > 0))
    chance = np.where(said > 0, usual.top, 1 - usual.top) * heard
    leaning = _deviations(_of_people(votes, _for_top(votes, usual)), LEAN)
    enough = count >= FEWEST_VOTES
    return Unlike(
        votes=count,
        agreed=np.bincount(votes.person[with_others], minlength=votes.people),
        expected=np.asarray(np.bincount(votes.person, chance, votes.people), dtype=np.float64),
        took_top=np.bincount(votes.person[heard & took_top], minlength=votes.people),
        against=np.where(enough, _against(votes, usual, ids, seed), 1.0),
        one_sided=np.where(enough, 2 * ndtr(-np.abs(leaning)), 1.0),
    )


def _others(votes: Votes, people: People) -> Floats:
    """(N,): how likely the first answer of each vote's pair is the better one, by all votes but its own."""
    weights, groups = vote_weights(votes, people.right), people.groups
    if groups is None:
        return np.asarray(expit(log_odds(votes, people.right)[votes.pair] - weights))
    member = groups.second[votes.person]
    own = np.stack([1 - member, member]) * weights
    first, second = expit(groups.heard(groups.odds(votes, weights)[:, votes.pair] - own))
    return np.asarray((1 - member) * first + member * second)


def _usual(votes: Votes, people: People, said: Floats) -> _Usual:
    """How those vote who are not doubted, and how far they differ by more than chance."""
    trusted, took_top = ~people.doubted, votes.for_first == votes.first_on_top
    usual = _Usual(said, 0.0, 0.0, DIFFER)
    for _ in range(2):  # the second time without those who stand out in the first
        kept = trusted[votes.person]
        table = np.column_stack([np.ones(kept.sum()), said[kept]])
        (lean, slope), *_rest = np.linalg.lstsq(table, 2.0 * took_top[kept] - 1)
        usual = _Usual(said, float(lean), float(slope), DIFFER)
        surplus, variance, steep = _of_people(votes, _against_coin(votes, usual))
        more = ((surplus**2 - variance)[trusted]).sum() / max((steep[trusted] ** 2).sum(), 1e-12)
        usual = replace(usual, spread=max(DIFFER, float(np.sqrt(max(more, 0.0)))))
        trusted = trusted & (surplus > -2 * np.sqrt(variance + (usual.spread * steep) ** 2) - 1e-9)
    return usual


def _against_coin(votes: Votes, usual: _Usual) -> Floats:
    """(3, N): how far each vote speaks for its person and against a coin, more than usual; its variance; and
    what it would be more with a slope higher by 1.
    """
    weight = 2 * np.arctanh(np.clip(usual.slope * usual.said, 1 - 2 * SURELY, 2 * SURELY - 1))
    return _columns(votes, usual, weight, usual.said)


def _for_top(votes: Votes, usual: _Usual) -> Floats:
    """(3, N): likewise for the answer on top, with the lean in place of the slope."""
    ones = np.ones(len(votes))
    return _columns(votes, usual, ones, ones)


def _columns(votes: Votes, usual: _Usual, weight: Floats, steepness: Floats) -> Floats:
    took_top, top = votes.for_first == votes.first_on_top, usual.top
    surplus, variance = weight * (took_top - top), weight**2 * top * (1 - top)
    # Votes of one ranking go together: each counts for less, and its variance for more than that.
    return np.stack([surplus, variance, weight * steepness / 2]) * votes.evidence


def _of_people(votes: Votes, columns: Floats) -> Floats:
    """(3, M): sums over each person's votes."""
    return np.stack([np.bincount(votes.person, each, votes.people) for each in columns])


def _against(votes: Votes, usual: _Usual, ids: Ids, seed: int) -> Floats:
    """(M,): the p-value of what speaks least for a person, of their check points."""
    order = np.argsort(votes.person, kind="stable")
    sums = np.pad(np.cumsum(_against_coin(votes, usual)[:, order], axis=1), ((0, 0), (1, 0)))
    begin, end = (np.searchsorted(votes.person[order], np.arange(votes.people), side) for side in SIDES)
    shares = np.array([np.random.default_rng([seed, one]).random(POINTS - 1) for one in ids.tolist()])
    least = np.ones(votes.people)
    for share in [np.ones(votes.people), *shares.reshape(-1, POINTS - 1).T]:
        at = begin + np.ceil(share * (end - begin)).astype(np.int64)
        least = np.minimum(least, ndtr(_deviations(sums[:, at] - sums[:, begin], usual.spread)))
    return np.minimum(POINTS * least, 1.0)


def _deviations(columns: Floats, spread: float) -> Floats:
    surplus, variance, steep = columns
    return np.asarray(surplus / np.sqrt(np.maximum(variance + (spread * steep) ** 2, 1e-12)))
