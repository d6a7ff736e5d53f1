"""Which of many answers to a prompt to compare, by what a reward model expects people to say.

A rule gives every two of n answers a value: from their expected scores (n,), in logits of the Bradley-Terry
model, and the covariance of these scores (n, n), which tells how far the model may err. Whatever has both can
be asked about: the members of a reward ensemble, the Laplace posterior of one reward model, or versions with
the inverse Hessian of their Bradley-Terry scores.
"""

import random
from collections.abc import Callable, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
EXPLORED = 0.2
"""The share of choices left to chance, so that what a rule would never ask is asked, too."""


class Choice(NamedTuple):
    """The places of the answers to compare, and with which probability just these were chosen.

    `value` is the mean of their pairs by the rule; None where chance chose them.
    """

    places: list[int]
    probability: float
    value: float | None


def information(mean: Floats, covariance: Floats) -> Floats:
    """p (1 - p) Var(d) for the difference d of two scores, with p = sigmoid(E[d]): (n, n).

    A judgment adds p (1 - p) to the information about d (Fisher), and has the more to say the less is known.
    """
    probability = expit(_differences(mean))
    return probability * (1 - probability) * _variances(covariance)


def large_gap(mean: Floats, covariance: Floats) -> Floats:
    """How much better one may be than the other: its upper bound less the other's lower one, (n, n).

    DeltaUCB of ActiveUltraFeedback (Melikidze et al. 2026, arXiv 2603.09692), with bounds of one deviation
    as there: policies learn most from pairs in which one answer is clearly better.
    """
    deviations = np.sqrt(np.diag(covariance))
    return np.abs(_differences(mean)) + np.add.outer(deviations, deviations)


def near_tie(mean: Floats, covariance: Floats) -> Floats:
    """How little is known of which is better: minus the difference in its deviations, (n, n).

    After Zhao and Jun 2026 (arXiv 2602.01581), by whom the answer to learn is a sign, and pairs near a tie
    hold most of what is not known of it. Left out: their own criterion for linear features.
    """
    deviation = np.sqrt(_variances(covariance))
    return -np.abs(_differences(mean)) / np.maximum(deviation, 1e-9)


RULES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "information": information,
    "large_gap": large_gap,
    "near_tie": near_tie,
}


def moments(scores: Floats) -> tuple[Floats, Floats]:
    """Mean (n,) and covariance (n, n) of n answers' scores by S members or draws, (n, S); S is 2 or more."""
    return scores.mean(axis=1), np.atleast_2d(np.cov(scores))


def choose(count: int, size: int, values: Floats | None, chance: random.Random) -> Choice:
    """Choose `size` of `count` answers, or all where there are fewer.

    By the `values` of pairs (count, count), but for EXPLORED of the choices; without values by chance.
    """
    size = min(size, count)
    uniform = 1 / comb(count, size)
    if values is None:
        return Choice(chance.sample(range(count), size), uniform, None)
    best = best_group(values, size)
    is_explored = chance.random() < EXPLORED
    places = chance.sample(range(count), size) if is_explored else best
    probability = EXPLORED * uniform + (1 - EXPLORED) * (sorted(places) == best)
    return Choice(places, probability, None if is_explored else _mean_of_pairs(values, best))


def best_group(values: Floats, size: int) -> list[int]:
    """Places, sorted, of `size` answers whose pairs are worth much: the best pair, then one by one."""
    values = np.where(np.eye(len(values), dtype=bool), -np.inf, values)
    chosen = list(divmod(int(values.argmax()), len(values)))
    while len(chosen) < size:
        chosen.append(int(values[chosen].sum(axis=0).argmax()))
    return sorted(chosen)


def serving_order(values: Sequence[float | None], chance: random.Random) -> list[int]:
    """In which order to ask: the most valuable first, and those without a value anywhere among them."""
    without = [place for place, value in enumerate(values) if value is None]
    valued = [(-value, place) for place, value in enumerate(values) if value is not None]
    by_value = (place for _value, place in sorted(valued))
    by_chance = iter(chance.sample(without, len(without)))
    at_chance = set(chance.sample(range(len(values)), len(without)))
    return [next(by_chance) if turn in at_chance else next(by_value) for turn in range(len(values))]


def _differences(mean: Floats) -> Floats:
    return np.subtract.outer(mean, mean)


def _variances(covariance: Floats) -> Floats:
    """Of the differences, (n, n)."""
    own = np.diag(covariance)
    return np.maximum(np.add.outer(own, own) - 2 * covariance, 0)


def _mean_of_pairs(values: Floats, group: Sequence[int]) -> float:
    within = values[np.ix_(group, group)]
    return float(within[np.triu_indices(len(group), 1)].mean())
