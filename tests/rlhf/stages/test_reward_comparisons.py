"""Rows become comparisons: what belongs together, what merges, and the plan of the steps."""

import math
from typing import Any

import numpy as np
import pytest

from training.rlhf.data.files import Preference
from training.rlhf.stages.reward.comparisons import Comparison, Example, Pair, group_comparisons, plan_steps

A, B, C, D = (1, 2), (1, 3), (1, 4), (1, 5)


def example(
    chosen: tuple[int, ...], rejected: tuple[int, ...], comparison: str | None = "x", **values: Any
) -> Example:
    fields = {"prompt_id": "p", "weight": 1.0, "split": "train", **values}
    return Example(
        Preference(prompt=[], chosen=[], rejected=[], comparison_id=comparison, **fields), chosen, rejected
    )


def test_all_pairs_of_a_comparison_are_one_element_with_each_completion_once() -> None:
    rows = [example(A, B), example(A, C), example(A, D), example(B, C), example(B, D), example(C, D)]
    (comparison,) = group_comparisons(rows, most_pairs=32)
    assert comparison.sequences == (A, B, C, D)
    assert {(pair.left, pair.right) for pair in comparison.pairs} == {
        (i, j) for i in range(4) for j in range(i + 1, 4)
    }
    assert all(pair.probability == pair.weight == 1 for pair in comparison.pairs)


def test_an_answer_that_mends_one_of_a_comparison_joins_it_with_that_pair_alone() -> None:
    (comparison,) = group_comparisons([example(A, B), example(C, B)], most_pairs=32)
    assert comparison.sequences == (A, B, C)
    assert [(pair.left, pair.right) for pair in comparison.pairs] == [(0, 1), (2, 1)]


def test_rows_without_a_comparison_belong_together_by_their_prompt() -> None:
    rows = [example(A, B, None), example(B, C, None), example(A, B, None, prompt_id="q")]
    assert [len(each.pairs) for each in group_comparisons(rows, most_pairs=32)] == [2, 1]


def test_rows_that_contradict_one_another_merge_into_a_probability_that_leaves_the_loss_as_it_was() -> None:
    rows = [example(A, B, weight=3.0), example(B, A, weight=1.0), example(A, C, weight=4.0)]
    (comparison,) = group_comparisons(rows, most_pairs=32)
    pair, other = comparison.pairs
    assert (pair.probability, other.probability) == (0.75, 1.0)
    assert (pair.weight, other.weight) == (1.0, 1.0)
    margin = 0.7
    apart = 3 * math.log1p(math.exp(-margin)) + math.log1p(math.exp(margin))
    merged = 4 * (0.75 * math.log1p(math.exp(-margin)) + 0.25 * math.log1p(math.exp(margin)))
    assert merged == pytest.approx(apart)


def test_a_probability_turns_with_the_side_that_a_pair_is_written_from() -> None:
    (comparison,) = group_comparisons(
        [example(A, B, probability=0.5), example(B, A, probability=0.9)], most_pairs=9
    )
    assert comparison.pairs[0].probability == pytest.approx((0.5 + 0.1) / 2)


def test_two_texts_of_the_same_tokens_teach_nothing() -> None:
    assert group_comparisons([example(A, A)], most_pairs=9) == []


def test_a_comparison_of_very_many_pairs_is_cut_and_none_is_lost() -> None:
    rows = [example((1, i), (1, i + 1)) for i in range(2, 12)]
    parts = group_comparisons(rows, most_pairs=4)
    assert [len(part.pairs) for part in parts] == [4, 4, 2]
    reported = [(part.sequences[p.left], part.sequences[p.right]) for part in parts for p in part.pairs]
    assert reported == [(row.chosen_ids, row.rejected_ids) for row in rows]


def make_comparisons(count: int) -> list[Comparison]:
    rng = np.random.default_rng(0)
    return [
        Comparison(
            str(n),
            tuple((1,) * int(rng.integers(5, 60)) for _ in range(4)),
            tuple(Pair(0, 1, 1.0, 1.0) for _ in range(int(rng.integers(1, 7)))),
        )
        for n in range(count)
    ]


def test_every_pass_takes_each_comparison_once_in_steps_of_about_so_many_pairs() -> None:
    comparisons = make_comparisons(200)
    steps = plan_steps(comparisons, pairs_per_step=32, epochs=2, max_steps=0, seed=0)
    half = len(steps) // 2
    for one in (steps[:half], steps[half:]):
        assert sorted(i for step in one for i in step) == list(range(200))
    sizes = [sum(len(comparisons[i].pairs) for i in step) for step in steps]
    assert min(sizes) >= 26 and max(sizes) <= 38 and 30 < np.mean(sizes) < 34
    assert steps[:half] != steps[half:]


def test_a_plan_follows_from_its_seed_and_ends_where_it_is_told() -> None:
    comparisons = make_comparisons(40)
    settings = {"pairs_per_step": 8, "epochs": 1.0}
    one, same, other = (plan_steps(comparisons, max_steps=0, seed=s, **settings) for s in (1, 1, 2))
    assert one == same != other
    assert len(plan_steps(comparisons, max_steps=100, seed=1, **settings)) == 100
    halved = plan_steps(comparisons, max_steps=0, seed=1, pairs_per_step=8, epochs=0.5)
    assert halved == one[: len(halved)] and len(halved) == math.ceil(len(one) / 2)
