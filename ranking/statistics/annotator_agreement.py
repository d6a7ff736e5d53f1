"""Annotator agreement: how often two people prefer the same one of two answers."""

from typing import NamedTuple

import numpy as np

from .consensus import Ids, votes_on_pairs


class PairwiseAgreement(NamedTuple):
    """Of `compared` pairs of votes on the same two answers, `agreed` prefer the same one."""

    agreed: int
    compared: int

    @property
    def share(self) -> float | None:
        """None where no two people preferred one of the same two answers."""
        return self.agreed / self.compared if self.compared else None


def pairwise_agreement(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> PairwiseAgreement:
    """All votes on a pair against each other; a tie has no side, as in setup S2 of MT-bench (2306.05685).

    The arguments are columns as of `find_majorities`, with one judgment of a person for a comparison.
    """
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    decided = votes.for_first + votes.for_second
    agreed = _pairs_of(votes.for_first) + _pairs_of(votes.for_second)
    return PairwiseAgreement(int(agreed.sum()), int(_pairs_of(decided).sum()))


def _pairs_of(number: Ids) -> Ids:
    return np.asarray(number * (number - 1) // 2)
