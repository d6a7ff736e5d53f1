"""Intervals come from prompts, not from the pairs and samples that hang on them."""

import numpy as np
import pytest

from training.rlhf.intervals import share_interval, wilson_interval

RIGHT = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])


def names(count: int) -> list[str]:
    return [f"prompt {i}" for i in range(count)]


def test_alike_outcomes_of_one_prompt_make_the_interval_no_narrower() -> None:
    once = share_interval(RIGHT, names(6), seed=0)
    assert share_interval(np.repeat(RIGHT, 50), np.repeat(names(6), 50).tolist(), seed=0) == once
    assert once[0] < RIGHT.mean() < once[1]
    assert once[1] - once[0] > 0.4


def test_the_interval_is_wider_when_outcomes_of_a_prompt_go_wrong_together() -> None:
    outcomes = np.repeat(RIGHT, 10)
    together = share_interval(outcomes, np.repeat(names(6), 10).tolist(), seed=0)
    apart = share_interval(outcomes, names(60), seed=0)
    assert together[0] < apart[0] < outcomes.mean() < apart[1] < together[1]


def test_the_interval_covers_the_true_share_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        of_prompt = rng.random(80) < 0.7
        low, high = share_interval(np.repeat(of_prompt, 3), np.repeat(names(80), 3).tolist(), seed=0)
        hits += low <= 0.7 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_when_all_go_one_way_the_interval_still_has_a_width() -> None:
    prompts = ["a", "a", "b", "c"]
    assert share_interval(np.ones(4), prompts, seed=0) == pytest.approx((wilson_interval(3, 3)[0], 1.0))
    assert share_interval(np.zeros(4), prompts, seed=0) == pytest.approx((0.0, wilson_interval(0, 3)[1]))
    assert share_interval(np.zeros(0), [], seed=0) == (0.0, 1.0)


def test_an_odd_number_of_ties_has_an_interval_around_a_half() -> None:
    low, high = share_interval(np.full(3, 0.5), names(3), seed=0)
    assert low < 0.5 < high and low == pytest.approx(1 - high)


def test_wilsons_interval_has_its_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
