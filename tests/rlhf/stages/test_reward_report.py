"""Every figure of the report means what its name says."""

from typing import Any

import numpy as np
import pytest

from training.rlhf.data.files import Preference
from training.rlhf.intervals import share_interval
from training.rlhf.stages.reward.comparisons import Example
from training.rlhf.stages.reward.report import (
    calibration_error,
    cross_scaled,
    fit_temperature,
    length_correlation,
    log_loss,
    order_correct,
    summarise,
)

ONES = np.ones


def example(number: int = 0, *, lengths: tuple[int, int] = (5, 5), **values: Any) -> Example:
    fields = {"prompt_id": str(number), "weight": 1.0, "split": "held_out", **values}
    one, other = ((1, number, side, *range(length - 3)) for side, length in enumerate(lengths))
    return Example(Preference(prompt=[], chosen=[], rejected=[], **fields), one, other)


def simulated(count: int, true_scale: float, seed: int = 0) -> tuple[Any, Any]:
    """Margins, and labels drawn with the probability sigmoid(true_scale * margin)."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=count) * 2
    labels = (rng.random(count) < 1 / (1 + np.exp(-true_scale * margins))).astype(float)
    return margins, labels


def test_accuracy_is_per_pair_with_equal_rewards_as_half() -> None:
    assert order_correct(np.array([2.0, -1.0, 0.0, -3.0]), np.array([1, 1, 1, 0.2])).tolist() == [
        1,
        0,
        0.5,
        1,
    ]


def test_accuracy_comes_with_the_interval_over_prompts() -> None:
    examples = [example(n // 4) for n in range(40)]
    margins = np.where(np.arange(40) % 4 == 0, -1.0, 1.0)
    report = summarise(examples, margins, np.zeros(40), seed=3)
    assert report["accuracy"] == 0.75
    expected = share_interval((margins > 0).astype(float), [str(n // 4) for n in range(40)], seed=3)
    assert (report["accuracy_low"], report["accuracy_high"]) == expected


def test_log_loss_of_knowing_nothing_is_that_of_a_coin() -> None:
    assert log_loss(np.zeros(3), ONES(3)) == pytest.approx(np.log(2))
    assert log_loss(np.array([np.log(3)]), ONES(1)) == pytest.approx(-np.log(0.75))
    assert log_loss(np.array([np.log(3)]), np.array([0.5])) == pytest.approx(-np.log(0.75 * 0.25) / 2)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    margins = np.full(100, np.log(9.0))  # confident by 0.9
    assert calibration_error(margins, np.repeat([1.0, 0.0], [60, 40])) == pytest.approx(0.3)
    assert calibration_error(-margins, np.repeat([1.0, 0.0], [90, 10])) == pytest.approx(0, abs=1e-9)


def test_gaps_of_different_bins_do_not_cancel() -> None:
    margins = np.array([np.log(9.0)] * 10 + [np.log(1.5)] * 10)  # confident by 0.9 and 0.6
    correct = np.array([1.0] * 6 + [0.0] * 4 + [1.0] * 9 + [0.0])  # right by 0.6 and 0.9
    assert calibration_error(margins, correct) == pytest.approx(0.3)


def test_the_temperature_undoes_a_scale() -> None:
    margins, labels = simulated(20_000, true_scale=0.25)
    assert fit_temperature(margins, labels) == pytest.approx(4, rel=0.1)
    assert fit_temperature(margins / 4, labels) == pytest.approx(1, rel=0.1)


def test_scaling_repairs_the_calibration_of_an_overconfident_model_on_prompts_it_was_not_fitted_on() -> None:
    margins, labels = simulated(4000, true_scale=0.25)
    turned = np.where(labels == 1, margins, -margins)  # chosen is what was preferred
    examples = [example(n) for n in range(4000)]
    report = summarise(examples, turned, np.zeros(4000), seed=0)
    assert report["calibration_error"] > 0.15 and report["calibration_error_scaled"] < 0.03
    assert report["log_loss_scaled"] < report["log_loss"]
    assert report["temperature"] == pytest.approx(4, rel=0.15)


def test_the_temperature_of_a_prompt_is_fitted_on_the_other_half_only() -> None:
    margins, labels = simulated(400, true_scale=1.0)
    prompts = np.repeat([str(n) for n in range(100)], 4)
    before = cross_scaled(margins, labels, prompts, seed=0)
    assert before is not None
    ratios = np.round(margins / before, 9)
    assert len(np.unique(ratios)) == 2
    assert all(len(np.unique(ratios[prompts == prompt])) == 1 for prompt in np.unique(prompts))
    half = ratios == ratios[0]
    changed = np.where(half, 1 - labels, labels)
    after = cross_scaled(margins, changed, prompts, seed=0)
    assert after is not None
    assert np.array_equal(after[half], before[half]) and not np.allclose(after[~half], before[~half])
    assert cross_scaled(margins, labels, np.full(400, "one"), seed=0) is None


def test_length_matched_pairs_differ_by_a_tenth_at_most() -> None:
    lengths = [(100, 90), (100, 89), (100, 100), (20, 100)]
    examples = [example(n, lengths=each) for n, each in enumerate(lengths)]
    report = summarise(examples, np.array([1.0, -1.0, -1.0, 1.0]), np.zeros(4), seed=0)
    assert report["length_matched_pairs"] == 2 and report["length_matched_accuracy"] == 0.5
    assert report["accuracy"] == 0.5


def test_the_correlation_with_length_is_taken_within_prompts() -> None:
    longer_is_better = [example(n, lengths=(10 + 5 * n, 5 + 5 * n)) for n in range(5)]
    level = -10.0 * np.arange(5)  # longer prompts have lower rewards throughout
    assert length_correlation(longer_is_better, level + 1, level) == pytest.approx(1)
    assert length_correlation(longer_is_better, level, level + 1) == pytest.approx(-1)
    assert length_correlation([example(0), example(1)], ONES(2), np.zeros(2)) is None


def test_an_answer_of_many_pairs_counts_once_in_the_correlation() -> None:
    pair, other = example(0, lengths=(10, 5)), example(1, lengths=(9, 12))
    once = length_correlation([pair, other], ONES(2), np.zeros(2))
    often = length_correlation([pair] * 9 + [other], ONES(10), np.zeros(10))
    assert once is not None and once == often and abs(once) < 1


def test_groups_are_told_by_round_and_language_and_rows_without_are_one() -> None:
    examples = [example(n, round=str(n % 2), language="de" if n < 3 else "en") for n in range(4)]
    report = summarise(examples, np.array([1.0, -1.0, 1.0, -1.0]), np.zeros(4), seed=0)
    assert {name: each["accuracy"] for name, each in report["by_round"].items()} == {"0": 1.0, "1": 0.0}
    assert {name: each["pairs"] for name, each in report["by_language"].items()} == {"de": 3, "en": 1}
    plain = summarise([example(n) for n in range(4)], ONES(4), np.zeros(4), seed=0)
    assert plain["by_round"][""]["pairs"] == 4


def test_ties_have_no_order_but_a_log_loss() -> None:
    examples = [example(0, probability=0.5), example(1)]
    report = summarise(examples, np.array([3.0, 1.0]), np.zeros(2), seed=0)
    assert report["accuracy"] == 1 and report["by_round"][""]["pairs"] == 1
    assert report["log_loss"] == pytest.approx(log_loss(np.array([3.0, 1.0]), np.array([0.5, 1.0])))
    assert "accuracy" not in summarise(examples[:1], ONES(1), np.zeros(1), seed=0)
    assert summarise([], np.array([]), np.array([]), seed=0) == {"pairs": 0}
