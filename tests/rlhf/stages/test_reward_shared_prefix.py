"""Sequences laid out behind their common beginning have the hidden states that they have alone."""

from pathlib import Path

import pytest
import torch

from training.rlhf.model.loading import load_base
from training.rlhf.stages.reward.shared_prefix import can_share, padded_inputs, shared_inputs

GROUPS = [
    [(5, 6, 7, 20, 21, 22), (5, 6, 7, 30), (5, 6, 7, 20, 41)],  # the first and last share even more
    [(8, 9, 50, 51), (8, 9)],  # one is the beginning of the other
    [(60, 61, 62)],
    [(70, 71), (80, 81, 82, 83, 84, 85, 86, 87, 88)],  # nothing in common
]


@pytest.mark.parametrize("widest", [256, 7, 1])
def test_hidden_states_are_those_of_each_sequence_alone(folder: Path, widest: int) -> None:
    model = load_base(str(folder), "float32")
    assert can_share(model.config)
    inputs = shared_inputs(GROUPS, 0, torch.float32, widest)
    rows, ends = inputs.pop("rows"), inputs.pop("ends")
    with torch.no_grad():
        found = model.model(**inputs, use_cache=False).last_hidden_state[rows, ends]
        alone = [
            model.model(torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1]
            for group in GROUPS
            for ids in group
        ]
    torch.testing.assert_close(found, torch.stack(alone), atol=1e-5, rtol=1e-4)


def test_a_beginning_is_there_once_and_little_is_padding() -> None:
    prompt = tuple(range(10, 30))
    groups = [[(*prompt, 40 + i, 50 + i) for i in range(4)] for _ in range(6)]
    inputs = shared_inputs(groups, 0, torch.float32, 64)
    assert inputs["input_ids"].shape == (6, 20 + 4 * 2)
    apart = padded_inputs(groups, 0)
    assert apart["input_ids"].shape == (24, 22)


def test_no_row_is_wider_than_told_unless_one_sequence_is() -> None:
    groups = [[(1, 2, 3, 10 + i) for i in range(8)], [tuple(range(40, 53))]]
    assert shared_inputs(groups[:1], 0, torch.float32, 6)["input_ids"].shape == (3, 6)
    assert shared_inputs(groups, 0, torch.float32, 6)["input_ids"].shape[1] == 13


def test_small_trees_fill_the_rows_that_large_ones_need() -> None:
    groups = [[tuple(range(10, 50))], *[[(7, 8, 9, i)] for i in range(1, 11)]]
    inputs = shared_inputs(groups, 0, torch.float32, 64)
    assert inputs["input_ids"].shape == (2, 40)
    assert bool((inputs["input_ids"] != 0).all())


def test_a_model_with_a_window_keeps_its_sequences_apart(folder: Path) -> None:
    model = load_base(str(folder), "float32")
    model.config.layer_types = ["full_attention", "sliding_attention"]
    assert not can_share(model.config)
