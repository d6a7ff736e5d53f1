"""Whether people disagree by taste: two stable groups of them, found by their votes or by what they state.

Most disagreement about preferences is no mistake (Zhang et al. 2024, arXiv 2410.14632), and whoever belongs
to a minority looks unreliable against the majority. So before anybody's reliability is told, two groups are
looked for whose better answers may differ: those that votes alone suggest, and those who state a group beside
those who do not. They are believed where they foretell votes that had no part in finding them: where a vote
of one's own group says more about a held-out vote than one of the other group.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from .group_evidence import Evidence, weigh
from .reliability import Checked, Counting, Groups, People, chances, fit_people, log_odds, vote_weights
from .votes import Bools, Floats, Votes

FEWEST_PEOPLE = 10
FOLDS, SURE = 5, 3.0
"""Groups need so many standard errors, over all folds, by which a vote of the other group is worth less."""
STATED = 2.2
"""Log odds, 9 to 1, that who states a group is of it, and who does not is not; votes may outweigh them."""
MOST_ALIKE = 0.99
"""What a vote of the other group is worth at most where groups are believed."""
_MOST_VOTES = 50_000  # that are searched for groups, so that it takes seconds
_POWERS, _STEPS, _SETTLING, _TOLERANCE = 200, 60, 8, 1e-3


def find_groups(
    votes: Votes, checked: Checked | None = None, stated: Sequence[Bools] = (), *, seed: int = 0
) -> Groups | None:
    """The two groups among people; None where held-out votes deny them, or there are few people.

    Each of `stated` is (M,): who says that they belong to a group. It is believed where the votes of both its
    people and the others are sure: careless people are no group, though their votes are worth less to others.
    """
    tried = _most_voted(votes)
    voters = np.unique(tried.person)
    if len(voters) < FEWEST_PEOPLE:
        return None
    large = [each for each in stated if min(each[voters].sum(), (~each[voters]).sum()) >= FEWEST_PEOPLE]
    alone, *others = try_groups(tried, checked, large, seed=seed)
    believed: list[tuple[Evidence, Bools | None]] = [(alone, None)] if alone.sure >= SURE else []
    believed += [pair for pair in zip(others, large, strict=True) if min(pair[0].of_each) >= SURE]
    if not believed:
        return None
    evidence, split = max(believed, key=lambda pair: pair[0].sure)
    # Worth w is what a vote is worth that is turned round on (1 - w) / 2 of pairs.
    contested = (1 - min(max(evidence.other, 0.0), MOST_ALIKE)) / 2
    return cluster(votes, fit_people(votes, checked), checked, split, contested=contested)


def try_groups(
    votes: Votes, checked: Checked | None = None, stated: Sequence[Bools] = (), *, seed: int = 0
) -> list[Evidence]:
    """What a fifth of the votes says of two groups found by the rest, and of each stated one and the others.

    For each fifth in turn, taken together.
    """
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(votes))
    found = []
    for number in range(FOLDS):
        known, asked = votes.among(fold != number), votes.among(fold == number)
        people = fit_people(known, checked)
        # As different as two groups can be: the held-out votes say how different they are.
        groups = [cluster(known, people, checked, contested=1 / 2)]
        groups += [Groups(each.astype(float), 1 / 2, float(each.mean())) for each in stated]
        found.append([weigh(known, asked, people, each) for each in groups])
    return [Evidence.together(folds) for folds in zip(*found, strict=True)]


def cluster(
    votes: Votes, people: People, checked: Checked | None, stated: Bools | None = None, *, contested: float
) -> Groups:
    """Sort people into two groups whose better answers differ on a share of pairs.

    It starts from what they state, which then counts besides their votes, or from whose votes surprise on the
    same pairs. It goes on by expectation-maximisation, in which the better answers that a person is held
    against are found without their own vote.
    """
    prior = np.zeros(votes.people) if stated is None else np.where(stated, STATED, -STATED)
    start = _surprised_together(votes, people) if stated is None else expit(prior)
    groups = Groups(start, contested, share=1 / 2)
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
        told = np.bincount(votes.person, of_second - of_first, votes.people)
        before, second = groups.second, expit(prior + told)
        groups = Groups(second, contested, float(second.mean()))
        if np.abs(second - before).max(initial=0.0) < _TOLERANCE:
            break
    return groups


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
