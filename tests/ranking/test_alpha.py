"""Krippendorff's alpha against its definition, counted pair by pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.agreement import agreement_with_others, alpha_of_pairs, ordinal_alpha
from tests.ranking.test_collected import BALLOTS


def by_hand(units: list[list[int]], *, is_ordinal: bool) -> float | None:
    """1 - observed / expected disagreement, over every two values of a unit, and every two values of all."""
    units = [values for values in units if len(values) > 1]
    pooled = [value for values in units for value in values]

    def apart(one: int, other: int) -> float:
        if not is_ordinal:
            return float(one != other)
        low, high = sorted((one, other))
        between = sum(low <= value <= high for value in pooled)
        return (between - (pooled.count(low) + pooled.count(high)) / 2) ** 2

    observed = sum(
        apart(one, other) / (len(values) - 1)
        for values in units
        for one, other in itertools.permutations(values, 2)
    )
    expected = sum(apart(one, other) for one, other in itertools.permutations(pooled, 2))
    return 1 - (len(pooled) - 1) * observed / expected if expected else None


def close(expected: float | None):
    return None if expected is None else pytest.approx(expected, abs=1e-9)


@given(st.lists(st.lists(st.integers(1, 5), max_size=5), max_size=6))
def test_the_ordinal_alpha_is_that_of_the_definition(units):
    rows = [(unit // 2, unit, value) for unit, values in enumerate(units) for value in values]
    found = ordinal_alpha(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)
    assert (found and found.value) == close(by_hand(units, is_ordinal=True))


@given(st.lists(BALLOTS, max_size=3))
def test_the_alpha_of_pairs_is_that_of_the_definition_whichever_answer_is_the_first(comparisons):
    numbers = itertools.count()
    rows, units = [], []
    for comparison, ballots in enumerate(comparisons):
        for ballot in ballots:
            judgment = next(numbers)
            rows += [(judgment, comparison, completion, rank) for completion, rank in enumerate(ballot)]
        for one, other in itertools.combinations(range(3), 2):
            units.append([int(np.sign(ballot[one] - ballot[other])) for ballot in ballots])
    found = alpha_of_pairs(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)
    # With both answers as likely, what is expected is the mean over all ways to turn the pairs round.
    plain = [values for values in units if len(values) > 1]
    pooled = [value for values in plain for value in values]
    if not pooled:
        assert found is None
        return
    ties, sided = pooled.count(0), len(pooled) - pooled.count(0)
    same = ties**2 + sided**2 / 2
    expected = (len(pooled) ** 2 - same) / (len(pooled) - 1)
    observed = sum(
        (one != other) / (len(values) - 1)
        for values in plain
        for one, other in itertools.permutations(values, 2)
    )
    assert (found and found.value) == close(1 - observed / expected if expected else None)


def test_the_example_of_the_literature():
    """Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C: ordinal 0.815."""
    table = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    rows = [
        (unit, unit, int(value)) for line in table for unit, value in enumerate(line.split()) if value != "."
    ]
    found = ordinal_alpha(*np.array(rows).T)
    assert found is not None and found.value == pytest.approx(0.815, abs=0.0005)


def test_all_alike_is_one_and_as_by_chance_is_about_zero():
    chance = np.random.default_rng(1)
    units = np.repeat(np.arange(500), 3)
    alike = ordinal_alpha(units, units, np.repeat(chance.integers(1, 5, 500), 3))
    assert alike is not None and alike.value == alike.low == alike.high == 1
    random = ordinal_alpha(units, units, chance.integers(1, 5, 1500))
    assert random is not None and random.low is not None and random.low < 0 < random.high < 0.2


def test_the_interval_is_of_comparisons_whose_units_go_together():
    """Four units of one comparison that say the same tell no more than one of them."""
    chance = np.random.default_rng(2)
    values = chance.integers(1, 4, 300)
    units = np.repeat(np.arange(100), 3)
    once = ordinal_alpha(units, units, values)
    often = ordinal_alpha(
        np.tile(units, 4), np.concatenate([units + 100 * n for n in range(4)]), np.tile(values, 4)
    )
    assert once and often and often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


@pytest.mark.parametrize("values", [[], [1], [1, 1, 1, 1]])
def test_where_nothing_can_be_told_there_is_no_alpha(values):
    column = np.array(values, dtype=np.int64)
    assert ordinal_alpha(np.zeros_like(column), np.zeros_like(column), column) is None


def test_few_comparisons_give_no_interval():
    units = np.repeat(np.arange(8), 2)
    found = ordinal_alpha(units // 2, units, np.arange(16) % 3)
    assert found is not None and (found.low, found.high) == (None, None)


@given(st.lists(BALLOTS, max_size=3))
def test_each_person_is_set_against_the_majority_of_the_others(comparisons):
    numbers = itertools.count()
    rows = [
        (judgment, comparison, completion, rank, person)
        for comparison, ballots in enumerate(comparisons)
        for person, ballot in enumerate(ballots)
        for judgment in [next(numbers)]
        for completion, rank in enumerate(ballot)
    ]
    found = agreement_with_others(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
    for person in range(6):
        agreed = compared = 0
        for ballots in comparisons:
            for one, other in itertools.combinations(range(3), 2):
                sides = [int(np.sign(ballot[one] - ballot[other])) for ballot in ballots]
                if person < len(sides):
                    lead = sum(sides) - sides[person]
                    compared += bool(sides[person] and lead)
                    agreed += bool(sides[person] * lead > 0)
        assert tuple(found.get(person, (0, 0))) == (agreed, compared)
