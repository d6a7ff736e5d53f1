"""Whether people have said enough about a comparison, or one more of them should be asked."""

import numpy as np

from .ballots import votes_on_pairs
from .votes import Ids

LEAD = 2
"""By how many votes the first of a pair's three verdicts (either answer, or a tie) must lead to settle it.

Where people agree with 71 % probability, as they do about answers of chatbots, a lead of one vote is right in
71 % of cases and a lead of two in 86 %, however many have voted (Wald's sequential test).
"""


def settled_shares(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> dict[int, float]:
    """By comparison, the share of its pairs of answers that are settled.

    The arguments are columns as of `votes_on_pairs`.
    """
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    verdicts = np.sort(np.stack([votes.for_first, votes.for_second, votes.ties]), axis=0)  # (3, P)
    is_settled = verdicts[2] - verdicts[1] >= LEAD
    comparisons, place = np.unique(votes.comparison, return_inverse=True)
    shares = np.bincount(place, weights=is_settled) / np.bincount(place)
    return dict(zip(comparisons.tolist(), shares.tolist(), strict=True))


def is_enough(settled_share: float) -> bool:
    """Whether a comparison is settled: most of its pairs are."""
    return settled_share > 1 / 2
