"""How far to trust log odds of votes: the temperature that they are divided by.

A coin is as often right about two answers that are nearly alike as about a clear pair. People are not, so on
a close pair several are wrong together, and their log odds say too much. Held-out votes cannot show that: on
clear pairs they agree more than a coin would. Known pairs can; without those, a model in which pairs differ.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logit

from .ballots import number_rows
from .consensus import Fit
from .gold import GoldVotes
from .reliability import USUAL, People, log_odds
from .votes import Floats, Votes

_MOST_VOTES = 50_000
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_SPREAD = 1.5  # of the differences of answers, in units of a usual person's log odds of being right
_DOUBT = 0.5  # the deviation of its logarithm, before there are votes
FEWEST_KNOWN_PAIRS = 200
"""With 100 the temperature was further off than without any (see docs/quality.md)."""


def fit_temperature(odds: Floats, probability: Floats) -> float:
    """The temperature t at which sigmoid(odds / t) is nearest, in cross-entropy, to the pairs' probabilities.

    `probability` is 1 or 0 where a pair's better answer is known. `USUAL` without pairs.
    """
    if not np.any(odds):
        return USUAL

    def loss(log_t: float) -> float:
        scaled = odds / np.exp(log_t)
        return float(np.mean(np.logaddexp(0, scaled) - probability * scaled))

    return float(np.exp(minimize_scalar(loss, bounds=(-1, 3), method="bounded").x))


def temperature_of_known(gold: GoldVotes, fit: Fit, votes_each: int) -> float | None:
    """The temperature at which votes foretell best which answer of known pairs is better; None with few.

    Everybody is asked gold questions, and only `votes_each` people about another pair. So the votes on a pair
    are taken that many at a time, each such set as one more pair of its kind.
    """
    votes = gold.votes
    order = np.argsort(votes.pair, kind="stable")
    pair, sizes = votes.pair[order], np.bincount(votes.pair, minlength=votes.pairs)
    which = (np.arange(len(order)) - np.searchsorted(pair, pair)) // votes_each
    whole = which < sizes[pair] // votes_each
    sets, number = number_rows(pair[whole], which[whole])
    known = pair[whole][sets]
    if len(np.unique(known)) < FEWEST_KNOWN_PAIRS:
        return None
    taken = replace(votes.among(order[whole]), pair=number, pairs=len(sets))
    odds = log_odds(taken, fit.people(gold.people).right)
    return fit_temperature(odds, gold.first_is_better[known].astype(np.float64))


def temperature_of(votes: Votes, people: People) -> float:
    """The temperature that agrees best with a Bradley–Terry model of the same votes, without known pairs.

    There a person with the log odds a of being right prefers the first answer with log odds a s d: d is
    normal over the pairs, and s is the most likely, after a prior around 1.5. 50,000 votes are enough.
    """
    if len(votes) > _MOST_VOTES:
        votes = votes.among(votes.pair < np.partition(votes.pair, _MOST_VOTES)[_MOST_VOTES])
    able = logit(people.right)
    slope = able.mean(axis=1)[votes.person]
    lean = np.where(votes.first_on_top, 0.5, -0.5) * (able[:, 1] - able[:, 0])[votes.person]

    def posterior(spread: float) -> tuple[float, Floats]:
        """The log likelihood of the votes, and the probability of each pair that its first is better."""
        odds = (spread * slope * node + lean for node in _NODES)
        logs = [votes.by_pair(votes.for_first * each - np.logaddexp(0, each)) for each in odds]
        joint = np.stack(logs) + np.log(_WEIGHTS / _WEIGHTS.sum())[:, None]  # (nodes, P)
        top = joint.max(axis=0, initial=-np.inf)
        shares = np.exp(joint - top)
        whole = shares.sum(axis=0)
        first = (shares * ((_NODES > 0) + (_NODES == 0) / 2)[:, None]).sum(axis=0) / whole
        return float(np.sum(top + np.log(whole))), first

    def loss(log_spread: float) -> float:
        return ((log_spread - np.log(_SPREAD)) / _DOUBT) ** 2 / 2 - posterior(np.exp(log_spread))[0]

    found = minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded", options={"xatol": 0.02})
    first = posterior(float(np.exp(found.x)))[1]
    return fit_temperature(log_odds(votes, people.right), first)
