"""Annotator agreement: how far people who judge the same answers say the same.

*Raw agreement* is how often two people prefer the same one of two answers. Krippendorff's *alpha* (2018)
sets the disagreement that there is against the one that chance would bring, if people gave the same values
without looking: 1 is no disagreement, 0 as much as by chance, below 0 more.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ballots import PairVotes, count_votes, number_rows, of_votes, sides_of, votes_on_pairs
from .ratios import Estimate
from .sequential import Column, Ids

Matrix = NDArray[np.float64]
SAMPLES, AT_ONCE = 1000, 250
FEWEST_COMPARISONS = 5
"""Below so many they do not tell how far others would differ: there is no interval."""


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

    The arguments are columns as of `votes_on_pairs`, with one judgment of a person for a comparison.
    """
    agreed, compared = _agreed_and_compared(votes_on_pairs(judgment, comparison, completion, rank))
    return PairwiseAgreement(int(agreed.sum()), int(compared.sum()))


def agreement_by_comparison(
    judgment: Ids, comparison: Ids, completion: Ids, rank: Ids
) -> dict[int, PairwiseAgreement]:
    """The agreement on each comparison in which two people preferred one of the same two answers."""
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    numbers, place = np.unique(votes.comparison, return_inverse=True)
    agreed, compared = (
        np.bincount(place, each, len(numbers)).astype(int) for each in _agreed_and_compared(votes)
    )
    rows = zip(numbers.tolist(), agreed.tolist(), compared.tolist(), strict=True)
    return {number: PairwiseAgreement(same, pairs) for number, same, pairs in rows if pairs}


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
    alike = np.where(sides.better[has_side] > 0, on_pair[0], on_pair[1]) - 1
    agreed, compared = (np.bincount(place, count, len(judgments)) for count in (alike, others))
    shares = zip(judgments.tolist(), agreed.tolist(), compared.tolist(), strict=True)
    return {number: same / all_ for number, same, all_ in shares if all_}


def _agreed_and_compared(votes: PairVotes) -> tuple[Ids, Ids]:
    """Of each pair of answers, the pairs of votes that prefer the same one, and those that have a side."""
    agreed = _pairs_of(votes.for_first) + _pairs_of(votes.for_second)
    return agreed, _pairs_of(votes.for_first + votes.for_second)


def _pairs_of(number: Ids) -> Ids:
    return np.asarray(number * (number - 1) // 2)


def alpha_of_pairs(judgment: Ids, comparison: Ids, completion: Ids, rank: Ids) -> Estimate | None:
    """The nominal alpha of what people prefer of two answers: the first one, the second one, or neither.

    Which answer is the first has no meaning, so that both are as likely by chance. None where no two people
    judged the same, or where all said the same, so that chance could not differ. The arguments are those of
    `sides_of`.
    """
    votes = votes_on_pairs(judgment, comparison, completion, rank)
    values = np.stack([votes.for_first, votes.for_second, votes.ties], axis=1)
    coincidences = _coincidences(values)
    turned = coincidences[:, [1, 0, 2]][:, :, [1, 0, 2]]
    return _alpha((coincidences + turned) / 2, votes.comparison, values, is_ordinal=False)


def ordinal_alpha(comparison: Ids, unit: Ids, value: Ids) -> Estimate | None:
    """The ordinal alpha of N values that people gave to units, such as the ranks of completions.

    Values disagree more, the more values were given that lie between them. `comparison` is that of the unit;
    a unit of two comparisons counts as two. None where no alpha can be told, as of `alpha_of_pairs`.
    """
    scale, place = np.unique(value, return_inverse=True)
    row, number = number_rows(comparison, unit)
    cells = np.bincount(number * len(scale) + place, minlength=len(row) * len(scale))
    values = cells.reshape(len(row), len(scale))
    return _alpha(_coincidences(values), comparison[row], values, is_ordinal=True)


def _coincidences(values: Ids) -> Matrix:
    """(U, C, C): how often each value stands beside each, from how often each unit was given each (U, C).

    Every two values of a unit are a pair, and a unit's pairs weigh as much as its values.
    """
    given = values.sum(axis=1)
    pairs = values[:, :, None] * values[:, None, :] - values[:, :, None] * np.eye(values.shape[1])
    return pairs / np.maximum(given - 1, 1)[:, None, None]


def _alpha(coincidences: Matrix, comparison: Ids, values: Ids, *, is_ordinal: bool) -> Estimate | None:
    """The alpha, with a 95 % interval from samples of the comparisons: the units of one go together."""
    judged = values.sum(axis=1) > 1
    if not judged.any():
        return None
    _comparisons, of = np.unique(comparison[judged], return_inverse=True)
    sums = np.zeros((of.max() + 1, coincidences.shape[1] ** 2))
    np.add.at(sums, of, coincidences[judged].reshape(len(of), -1))
    (value,) = _alphas(sums.sum(axis=0, keepdims=True), is_ordinal=is_ordinal).tolist()
    if np.isnan(value):
        return None
    is_known = len(sums) >= FEWEST_COMPARISONS
    return Estimate(value, *(_percentiles(sums, is_ordinal=is_ordinal) if is_known else (None, None)))


def _percentiles(sums: Matrix, *, is_ordinal: bool) -> tuple[float, float]:
    """Of the alphas of samples, as large as there are comparisons, drawn with replacement.

    Comparisons that say the same are drawn together, which takes a hundredth of the time.
    """
    chance = np.random.default_rng(0)  # the same page twice shows the same numbers
    kinds, number = np.unique(sums.round(9), axis=0, return_counts=True)
    found = [
        _alphas(
            chance.multinomial(len(sums), number / len(sums), size=AT_ONCE) @ kinds, is_ordinal=is_ordinal
        )
        for _ in range(SAMPLES // AT_ONCE)
    ]
    alphas = np.concatenate(found)
    low, high = np.nanpercentile(alphas, [2.5, 97.5])
    return float(low), float(high)


def _alphas(sums: Matrix, *, is_ordinal: bool) -> Column:
    """(B,): the alpha of each row of coincidences (B, C²); nan where all values are the same."""
    size = int(sums.shape[1] ** 0.5)
    coincidences = sums.reshape(-1, size, size)
    given = coincidences.sum(axis=2)  # how often each value was given
    total = given.sum(axis=1)
    if is_ordinal:
        middle = given.cumsum(axis=1) - given / 2
        apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    else:
        apart = np.broadcast_to(1 - np.eye(size), coincidences.shape)
    observed = (coincidences * apart).sum(axis=(1, 2))
    expected = (given[:, :, None] * given[:, None, :] * apart).sum(axis=(1, 2))
    is_told = expected > 1e-9
    return np.where(is_told, 1 - (total - 1) * observed / np.where(is_told, expected, 1), np.nan)


def agreement_with_others(
    judgment: Ids, comparison: Ids, completion: Ids, rank: Ids, person: Ids
) -> dict[int, PairwiseAgreement]:
    """How often each person prefers what most of the others do, who are counted without them.

    A pair counts where they prefer one answer and the others' votes are not even. The arguments are those of
    `sides_of`, and who gave the judgment.
    """
    sides = sides_of(judgment, comparison, completion, rank)
    votes, pair = count_votes(sides)
    others = (votes.for_first - votes.for_second)[pair] - sides.better
    decided = (sides.better != 0) & (others != 0)
    people, place = np.unique(of_votes(sides, judgment, person)[decided], return_inverse=True)
    alike = sides.better[decided] == np.sign(others[decided])
    agreed = np.bincount(place[alike], minlength=len(people))
    compared = np.bincount(place, minlength=len(people))
    counts = zip(people.tolist(), agreed.tolist(), compared.tolist(), strict=True)
    return {one: PairwiseAgreement(*of_one) for one, *of_one in counts}
