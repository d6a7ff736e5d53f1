"""What looks at votes and says when to stop: the gate, and others at the same level."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from benchmarks.gate.votes import Votes
from ranking.statistics.sequential import ALPHA, LOOKS, Intervals, Look, Verdict, decide, look

Rule = Callable[[Votes], Look]
_Z = NormalDist().inv_cdf(1 - ALPHA / 2)


def gate(votes: Votes) -> Look:
    return decide(*votes)


def gate_of_independent(votes: Votes) -> Look:
    """The same confidence sequence, as if each vote were of a person and about a prompt of its own."""
    alone = np.arange(len(votes.outcome))
    return decide(votes.outcome, alone, alone)


def z_at_every_look(votes: Votes) -> Look:
    """Peeking: stops at the first look at which z has a verdict."""
    found = _z_intervals(votes)
    looks = (found.look(count - 1) for count in LOOKS if count <= len(votes.outcome))
    for one in looks:
        if one.verdict is not Verdict.GO_ON:
            break
    return one


def z_at_the_end(votes: Votes) -> Look:
    return _z_intervals(votes).look(-1)


def clustered_z_at_the_end(votes: Votes) -> Look:
    """With the variance of the gate: what clustering alone gives where nobody looks before the end."""
    end = look(*votes)
    half = _Z * end.variance**0.5
    return Look(end.votes, end.mean, end.variance, end.mean - half, end.mean + half)


def _z_intervals(votes: Votes) -> Intervals:
    """After each vote, taken as independent."""
    count = np.arange(1.0, len(votes.outcome) + 1)
    mean = np.cumsum(votes.outcome) / count
    variance = np.maximum(np.cumsum(votes.outcome**2) / count - mean**2, 0) / count
    half = _Z * np.sqrt(variance)
    return Intervals(count, mean, variance, mean - half, mean + half)


RULES: dict[str, Rule] = {
    "the gate": gate,
    "the gate, not clustered": gate_of_independent,
    "z at every look": z_at_every_look,
    "z at 600": z_at_the_end,
    "clustered z at 600": clustered_z_at_the_end,
}
