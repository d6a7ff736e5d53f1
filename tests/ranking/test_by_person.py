"""Means of people who gave votes of their own, and how often others agree with a judgment."""

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.statistics.agreement import agreement_by_judgment
from ranking.statistics.by_person import mean_of_people
from ranking.statistics.proportions import wilson


def test_a_person_counts_once_however_many_votes_they_gave():
    value, person = np.array([1.0, 1.0, 1.0, 0.0]), np.array([1, 1, 1, 2])
    found = mean_of_people(value, person, np.array([1, 2, 3, 4]), 0.95)
    assert found.value == 0.5
    assert (found.low, found.high) == wilson(0.5, 2, 0.95)


def test_where_prompts_are_fewer_than_people_they_are_what_is_counted():
    value, person = np.array([1.0, 0.0] * 10), np.arange(20)
    found = mean_of_people(value, person, np.array([7, 8] * 10), 0.95)
    assert (found.low, found.high) == pytest.approx(wilson(0.5, 2, 0.95))


@pytest.mark.parametrize("of_people", [0.0, 0.5, 1.0])
def test_the_interval_holds_as_often_as_it_says(of_people):
    """With 12 people and 15 prompts, and what a vote leans to of people, of prompts, or of both."""
    chance = np.random.default_rng(5)
    person, prompt = (ids.ravel() for ids in np.indices((12, 15)))
    missed = 0
    for _ in range(400):
        leans = of_people * chance.normal(size=12)[person] + (1 - of_people) * chance.normal(size=15)[prompt]
        found = mean_of_people((leans + chance.normal(size=180) > 0).astype(float), person, prompt, 0.95)
        missed += not found.low <= 0.5 <= found.high
    assert missed / 400 <= 0.05


votes = st.lists(st.tuples(*[st.integers(1, 3)] * 3), min_size=1, max_size=5)


@given(st.lists(votes, min_size=1, max_size=3))
def test_agreement_is_what_counting_by_hand_gives(comparisons):
    rows, ranks = [], {}
    for number, given_ranks in enumerate(comparisons):
        for ranked in given_ranks:
            judgment = len(ranks)
            ranks[judgment] = (number, ranked)
            rows += [(judgment, number, 10 * number + place, rank) for place, rank in enumerate(ranked)]
    by_hand = {}
    for judgment, (number, own) in ranks.items():
        alike = [
            (own[left] < own[right]) == (other[left] < other[right])
            for another, (where, other) in ranks.items()
            for left, right in ((0, 1), (0, 2), (1, 2))
            if another != judgment and where == number
            if own[left] != own[right] and other[left] != other[right]
        ]
        if alike:
            by_hand[judgment] = fmean(alike)
    found = agreement_by_judgment(*np.array(rows, dtype=np.int64).T)
    assert found == pytest.approx(by_hand)
    assert agreement_by_judgment(*np.empty((4, 0), dtype=np.int64)) == {}
