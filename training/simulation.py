"""A simulated volunteer: ranks completions by how good they are, with the noise people have.

The volunteer perceives u_i / T + g_i with g_i standard Gumbel noise and sorts by it, so that the ranking
is drawn from the Plackett-Luce model with worths exp(u_i / T) (Luce 1959, Yellott 1977) and each
pair from Bradley-Terry. Neighbours perceived closer than a threshold are tied (Rao and Kupper 1967).
Left out: volunteers that learn, tire or share a view of their own.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Label(Protocol):
    """How good one answer is.

    utility      what volunteers rank by
    grade        what two answers are compared by when nobody may err
    is_accurate  whether it counts as accurate
    """

    @property
    def utility(self) -> float: ...
    @property
    def grade(self) -> float: ...
    @property
    def is_accurate(self) -> bool: ...


class Labels(Protocol):
    """Labels answers to a corpus's questions; grades that differ by less than `margin` are a tie."""

    margin: float

    def label(self, question: str, answer: str) -> Label:
        """Label one answer. Raises KeyError when the corpus does not have the question."""
        ...


@dataclass(frozen=True, kw_only=True)
class SimulatedVolunteer:
    """How one volunteer judges.

    temperature    in units of utility: P(i over j) = 1 / (1 + exp(-(u_i - u_j) / temperature))
    lapse_rate     chance that a ranking is made without reading: a uniformly random order, no ties
    position_bias  what standing first adds to the utility; it falls evenly to nothing in the last place
    tie_threshold  in units of utility: neighbours in the order perceived less than this apart are tied
    """

    temperature: float = 0.3
    lapse_rate: float = 0.1
    position_bias: float = 0.0
    tie_threshold: float = 0.15

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError("temperature must be above 0")
        if not 0 <= self.lapse_rate <= 1:
            raise ValueError("lapse_rate must be between 0 and 1")
        if not self.tie_threshold >= 0:
            raise ValueError("tie_threshold must not be negative")

    def rank(self, utilities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Rank k completions given in the order shown: utilities (k,) to ranks (k,), 1 the best.

        Ranks are dense: tied completions share one and the next rank follows without a gap.
        """
        utilities = np.asarray(utilities, dtype=np.float64)
        if utilities.ndim != 1 or not np.isfinite(utilities).all():
            raise ValueError("utilities must be a row of finite numbers")
        k = len(utilities)
        if rng.random() < self.lapse_rate:
            return rng.permutation(k) + 1
        bias = self.position_bias * np.linspace(1, 0, k)
        perceived = utilities + bias + self.temperature * rng.gumbel(size=k)
        order = np.argsort(-perceived)
        gaps = -np.diff(perceived[order])
        ranks = np.empty(k, dtype=np.int64)
        ranks[order] = 1 + np.concatenate([[0], np.cumsum(gaps >= self.tie_threshold)])
        return ranks
