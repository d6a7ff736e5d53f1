"""Which answers to compare: the rules' values, the choice with its probability, the order of asking."""

import random
from collections import Counter
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.models import Project
from ranking.statistics.near_duplicates import different_texts
from ranking.statistics.sampling import (
    EXPLORED,
    RULES,
    best_group,
    choose,
    information,
    large_gap,
    moments,
    near_tie,
    serving_order,
)

MEAN = np.array([0.0, 0.1, 2.0])
COVARIANCE = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 0.25]])


def test_the_project_offers_every_rule_beside_chance():
    assert set(Project.Sampling.values) == {Project.Sampling.UNIFORM, *RULES}


def test_information_is_what_a_vote_tells_times_what_is_not_known():
    p = 1 / (1 + np.exp(-2.0))
    assert information(MEAN, COVARIANCE)[0, 2] == pytest.approx(p * (1 - p) * 1.25)
    assert information(MEAN, COVARIANCE)[0, 1] == pytest.approx(0.2 * 0.25, rel=0.01)


def test_a_gap_is_from_the_upper_bound_of_one_to_the_lower_bound_of_the_other():
    assert large_gap(MEAN, COVARIANCE)[0, 2] == large_gap(MEAN, COVARIANCE)[2, 0] == (2.0 + 0.5) - (0.0 - 1.0)


def test_a_near_tie_is_a_small_difference_beside_its_deviation():
    values = near_tie(MEAN, COVARIANCE)
    assert values[0, 1] == pytest.approx(-0.1 / np.sqrt(0.2))
    assert values[0, 2] == pytest.approx(-2.0 / np.sqrt(1.25))


@pytest.mark.parametrize("rule", RULES.values())
def test_values_are_finite_where_all_is_the_same_or_certain(rule):
    for mean, covariance in ((np.zeros(3), np.zeros((3, 3))), (np.array([0.0, 800.0, -800.0]), np.eye(3))):
        values = rule(mean, covariance)
        assert values.shape == (3, 3) and np.isfinite(values).all() and (values == values.T).all()


def test_moments_are_those_of_the_members_of_an_ensemble():
    scores = np.random.default_rng(0).normal(size=(5, 4))
    mean, covariance = moments(scores)
    np.testing.assert_allclose(mean, scores.mean(1))
    np.testing.assert_allclose(np.diag(covariance), scores.var(1, ddof=1))


@given(st.integers(2, 7), st.integers(2, 5), st.integers(0, 99))
def test_the_best_group_begins_with_the_best_pair_and_its_places_differ(count, size, seed):
    half = np.random.default_rng(seed).normal(size=(count, count))
    values, size = half + half.T, min(size, count)
    group = best_group(values, size)
    assert len(set(group)) == size
    off_diagonal = np.where(np.eye(count, dtype=bool), -np.inf, values)
    assert set(np.unravel_index(off_diagonal.argmax(), values.shape)) <= set(group)


def test_each_group_is_chosen_as_often_as_its_probability_says():
    values = RULES["large_gap"](np.arange(4.0), np.zeros((4, 4)))
    chance, times = random.Random(1), 20_000
    choices = [choose(4, 2, values, chance) for _ in range(times)]
    seen = Counter(frozenset(each.places) for each in choices)
    probability = {frozenset(each.places): each.probability for each in choices}
    assert len(seen) == comb(4, 2) and sum(probability.values()) == pytest.approx(1)
    for group, expected in probability.items():
        assert seen[group] / times == pytest.approx(expected, abs=0.01)
    assert probability[frozenset({0, 3})] == pytest.approx(1 - EXPLORED + EXPLORED / 6)


def test_without_values_every_group_is_as_likely():
    choice = choose(5, 2, None, random.Random(3))
    assert choice.probability == 1 / 10 and choice.value is None and len(set(choice.places)) == 2


def test_where_there_are_fewer_answers_all_are_compared():
    assert sorted(choose(2, 4, None, random.Random(0)).places) == [0, 1]
    choice = choose(2, 4, np.zeros((2, 2)), random.Random(0))
    assert sorted(choice.places) == [0, 1] and choice.probability == 1


def test_the_most_valuable_come_first_and_those_of_chance_anywhere():
    values = [0.5, None, 2.0, None, 1.0]
    orders = [serving_order(values, random.Random(seed)) for seed in range(200)]
    assert all([place for place in order if values[place] is not None] == [2, 4, 0] for order in orders)
    assert {order.index(1) for order in orders} == set(range(5))


def test_texts_that_are_nearly_the_same_count_once():
    rain = "Rain falls when warm air rises, cools down, and can no longer hold all of its water vapour. " * 3
    texts = [
        rain,
        rain.upper(),
        rain.replace(",", "") + "\n",
        rain.replace("warm", "moist", 1),
        "Rain falls.",
    ]
    assert different_texts(texts) == [0, 4]


def test_short_texts_that_differ_in_one_word_are_different():
    assert different_texts(["It is 12 degrees.", "It is 13 degrees.", "It is not 12 degrees."]) == [0, 1, 2]
    assert different_texts([]) == [] and different_texts(["", "", "?"]) == [0, 2]
