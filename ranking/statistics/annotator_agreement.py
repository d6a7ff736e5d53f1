"""Annotator agreement: how often two people prefer the same one of two answers."""

from typing import NamedTuple

import numpy as np

from .consensus import Ids, PairVotes, count_votes, sides_of, votes_on_pairs


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
    agreed, compared = _agreed_and_compared(votes_on_pairs(judgment, comparison, completion, rank))
    return PairwiseAgreement(int(agreed.sum()), int(compared.sum()))


def agreement_by_comparison(
    judgment: Ids, comparison: Ids, completion: Ids, rank: Ids
) -> dict[int, PairwiseAgreement]:
    """The agreement on each comparison in which two people preferred one of the same two answers."""
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    counts = np.stack(_agreed_and_compared(votes))  # (2, P)
    found = {}
    for number in np.unique(votes.comparison):
        agreed, compared = counts[:, votes.comparison == number].sum(axis=1).tolist()
        if compared:
            found[int(number)] = PairwiseAgreement(agreed, compared)
    return found


def agreement_by_judgment(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> dict[int, float]:
    """Of each judgment how often others agree: the share of their votes on its pairs that prefer the same.

    Votes without a side are left out, and judgments that are then compared with none.
    """
    sides = sides_of(judgment, comparison, completion, rank)
    votes, pair_of = count_votes(sides)
    has_side = sides.better != 0
    judgments, place = np.unique(sides.judgment[has_side], return_inverse=True)
    on_pair = np.stack([votes.for_first, votes.for_second])[:, pair_of[has_side]]  # (2, V)
    others = on_pair.sum(axis=0) - 1
    alike = np.where(sides.better[has_side] > 0, *on_pair) - 1
    agreed, compared = (np.bincount(place, count, len(judgments)) for count in (alike, others))
    shares = zip(judgments.tolist(), agreed.tolist(), compared.tolist(), strict=True)
    return {number: same / all_ for number, same, all_ in shares if all_}


def _agreed_and_compared(votes: PairVotes) -> tuple[Ids, Ids]:
    """Of each pair of answers, the pairs of votes that prefer the same one, and those that have a side."""
    agreed = _pairs_of(votes.for_first) + _pairs_of(votes.for_second)
    return agreed, _pairs_of(votes.for_first + votes.for_second)


def _pairs_of(number: Ids) -> Ids:
    return np.asarray(number * (number - 1) // 2)
