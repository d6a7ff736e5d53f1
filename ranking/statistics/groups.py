"""Whether people disagree by taste: two stable groups of them, found by their votes alone.

Most disagreement about preferences is no mistake (Zhang et al. 2024, arXiv 2410.14632), and whoever belongs
to a minority looks unreliable against the majority. So before anybody's reliability is told, two groups are
looked for whose better answers may differ. They are believed where they foretell votes that had no part in
finding them: where a vote of one's own group says more about a held-out vote than one of the other group.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from .reliability import Checked, Counting, Groups, People, chances, fit_people, log_odds, vote_weights
from .votes import Floats, Votes

FEWEST_PEOPLE = 10
FOLDS, SURE = 5, 3.0
"""Groups need so many standard errors, over all folds, by which a vote of the other group is worth less."""
_MOST_VOTES = 50_000  # that are searched for groups, so that it takes seconds
_POWERS, _STEPS, _SETTLING, _TOLERANCE = 200, 60, 8, 1e-3


@dataclass(frozen=True)
class Evidence:
    """What held-out votes say about two groups of people.

    A vote of the other group is worth `other` votes of the own one. That this is less than 1 is sure by so
    many standard errors, where one person's votes go together.
    """

    other: float
    sure: float


def find_groups(votes: Votes, checked: Checked | None = None, *, seed: int = 0) -> Groups | None:
    """The two groups among people; None where held-out votes deny them, or there are few people."""
    tried = _most_voted(votes)
    if len(np.unique(tried.person)) < FEWEST_PEOPLE:
        return None
    evidence = try_groups(tried, checked, seed=seed)
    if evidence.sure < SURE:
        return None
    # Worth w is what a vote is worth that is turned round on (1 - w) / 2 of pairs.
    contested = (1 - max(evidence.other, 0.0)) / 2
    return cluster(votes, fit_people(votes, checked), checked, contested=contested)


def try_groups(votes: Votes, checked: Checked | None = None, *, seed: int = 0) -> Evidence:
    """Find two groups by four fifths of the votes and ask the rest about them, for each fifth."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(votes))
    found = []
    for number in range(FOLDS):
        known, asked = votes.among(fold != number), votes.among(fold == number)
        people = fit_people(known, checked)
        # As different as two groups can be: the held-out votes say how different they are.
        groups = cluster(known, people, checked, contested=1 / 2)
        found.append(weigh(known, asked, people, groups))
    other, sure = np.array([(each.other, each.sure) for each in found]).T
    return Evidence(float(other.mean()), float(sure.sum() / np.sqrt(FOLDS)))


def cluster(votes: Votes, people: People, checked: Checked | None, *, contested: float) -> Groups:
    """Sort people into two groups whose better answers differ on a share of pairs.

    It starts from whose votes surprise on the same pairs, and goes on by expectation-maximisation, in which
    the better answers that a person is held against are found without their own vote.
    """
    groups = Groups(_surprised_together(votes, people), contested, share=1 / 2)
    counting, right = Counting(votes, checked), np.full((votes.people, 2), 0.75)
    for step in range(_STEPS):
        weights = vote_weights(votes, right)
        second = groups.second[votes.person]
        parts = np.stack([1 - second, second])  # (2, N)
        odds = groups.odds(votes, weights)
        if step >= _SETTLING:  # before, coins would explain what is the groups'
            right = counting.coins((parts * expit(groups.heard(odds))[:, votes.pair]).sum(axis=0))
        others = expit(groups.heard(odds[:, votes.pair] - parts * weights))
        of_first, of_second = (_log_likelihood(votes, right, better) for better in others)
        before, second = groups.second, expit(np.bincount(votes.person, of_second - of_first, votes.people))
        groups = Groups(second, contested, float(second.mean()))
        if np.abs(second - before).max(initial=0.0) < _TOLERANCE:
            break
    return groups


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

    def best(free: Floats) -> Floats:
        """The likeliest worths among the sums of the columns of `free`."""

        def loss(given: Floats) -> tuple[float, Floats]:
            logs, *slopes = gains(free @ given).sum(axis=1)
            return -float(logs), -(free.T @ slopes)

        start = np.full(free.shape[1], 0.5)
        return np.asarray(free @ minimize(loss, start, jac=True, bounds=[(-3, 3)] * len(start)).x)

    alike, apart = best(np.ones((2, 1))), best(np.eye(2))
    if apart[0] <= 0:
        return Evidence(1.0, 0.0)
    return Evidence(float(apart[1] / apart[0]), _surely_less(gains(alike)[1:], asked))


def _surely_less(slopes: Floats, asked: Votes) -> float:
    """A score test at equal worths: in how many standard errors the other's would rather be less."""
    own, other = (np.bincount(asked.person, each, asked.people) for each in slopes)
    both = own + other  # what would change both worths alike is no evidence
    rest = (other @ both) / max(float(both @ both), 1e-12) * both - other
    deviation = float(np.sqrt(rest @ rest))
    return float(rest.sum()) / deviation if deviation > 1e-12 else 0.0


def _surprised_together(votes: Votes, people: People) -> Floats:
    """(M,): towards 0 or 1 by the direction in which people's surprising votes go together most.

    A vote surprises by its difference from what the others on its pair foretell.
    """
    weights = vote_weights(votes, people.right)
    others = expit(log_odds(votes, people.right)[votes.pair] - weights)
    hit, miss = chances(votes, people.right)
    surprise = votes.for_first - others * hit - (1 - others) * miss
    own = np.bincount(votes.person, surprise**2, votes.people)
    scale = 1 / np.sqrt(own + 1)
    table = csr_array((surprise, (votes.person, votes.pair)), shape=(votes.people, votes.pairs))
    turned = table.T.tocsr()
    direction = np.random.default_rng(0).normal(size=votes.people)
    for _ in range(_POWERS):
        # A person is not compared with themselves; that only, and what is added, leaves no value below 0.
        direction = direction * (1 - own * scale**2) + scale * (table @ (turned @ (scale * direction)))
        direction /= np.linalg.norm(direction)
    return np.asarray(expit(2 * direction * scale / max(float((direction * scale).std()), 1e-12)))


def _log_likelihood(votes: Votes, right: Floats, better: Floats) -> Floats:
    """(N,): of the votes, where their first answer is the better one with this probability."""
    hit, miss = chances(votes, right)
    chance = better * hit + (1 - better) * miss
    return np.log(np.where(votes.for_first, chance, 1 - chance))


def _most_voted(votes: Votes) -> Votes:
    """All votes on the pairs with most of them, until there are enough."""
    number = np.bincount(votes.pair, minlength=votes.pairs)
    order = np.argsort(-number, kind="stable")
    chosen = np.zeros(votes.pairs, dtype=bool)
    chosen[order[np.cumsum(number[order]) <= _MOST_VOTES]] = True
    return votes.among(chosen[votes.pair])
