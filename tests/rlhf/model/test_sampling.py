"""Sampling: the answers are draws from the model, whatever shares their batch."""

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from training.rlhf.model.loading import load_base
from training.rlhf.model.logprobs import answer_logprobs, lay_out
from training.rlhf.model.sampling import Answer, Sampling, _draw, sample

HOW = Sampling(max_new_tokens=16, temperature=0.8, top_p=1.0, stop_ids=(2,), pad_id=0)
PROMPTS = [[7, 8, 9], [10] * 9, [11, 12], [13, 14, 15, 16, 17], [18]] * 4


@pytest.fixture(params=["llama", "qwen3"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    folder: Path = request.getfixturevalue(request.param)
    return load_base(str(folder), "float32")


def test_log_probabilities_of_the_rollout_equal_those_recomputed_in_one_pass(model: PreTrainedModel) -> None:
    answers = sample(model, PROMPTS, HOW, seed=1)
    block = lay_out(PROMPTS, [answer.tokens for answer in answers], HOW.pad_id)
    with torch.no_grad():
        recomputed = answer_logprobs(model, block, HOW.temperature)
    for row, answer in enumerate(answers):
        expected = torch.tensor(answer.logprobs)
        torch.testing.assert_close(recomputed[row, : len(expected)], expected, atol=2e-5, rtol=1e-4)
    assert torch.isfinite(recomputed).all()


def test_an_answer_does_not_depend_on_its_batch(model: PreTrainedModel) -> None:
    together = sample(model, PROMPTS, HOW, seed=1, batch_size=20)
    assert [a.tokens for a in sample(model, PROMPTS, HOW, seed=1, batch_size=3)] == [
        a.tokens for a in together
    ]
    assert sample(model, PROMPTS, HOW, seed=1, batch_size=20) == together
    assert [a.tokens for a in sample(model, PROMPTS, HOW, seed=2)] != [a.tokens for a in together]
    assert len({tuple(answer.tokens) for answer in together}) > 15  # rows draw from streams of their own


def test_some_rows_of_a_batch_are_answered_as_they_are_with_all_of_them(model: PreTrainedModel) -> None:
    together = sample(model, PROMPTS, HOW, seed=1)
    rows = range(1, len(PROMPTS), 3)
    some = sample(model, [PROMPTS[i] for i in rows], HOW, seed=1, streams=rows)
    assert [answer.tokens for answer in some] == [together[i].tokens for i in rows]


def test_an_answer_ends_with_eos_or_at_the_longest_length(model: PreTrainedModel) -> None:
    answers = sample(model, PROMPTS * 5, dataclasses.replace(HOW, max_new_tokens=40), seed=3)
    for answer in answers:
        assert len(answer.tokens) == len(answer.logprobs)
        assert HOW.stop_ids[0] not in answer.tokens[:-1]
        assert answer.finished == (answer.tokens[-1] == HOW.stop_ids[0])
        assert answer.finished or len(answer.tokens) == 40
    assert {answer.finished for answer in answers} == {True, False}


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[2.0, 0.0, 1.0, -1.0]])
    count = 20_000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    drawn, logprobs = _draw(logits.expand(count, -1), 1.0, uniforms)
    expected = logits.softmax(-1)[0]
    torch.testing.assert_close(drawn.bincount(minlength=4) / count, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(logprobs, expected.log()[drawn])


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.5, {0}), (0.7, {0, 2}), (0.96, {0, 1, 2}), (1.0, {0, 1, 2, 3})]
)
def test_the_nucleus_is_the_smallest_set_with_its_mass(top_p: float, kept: set[int]) -> None:
    logits = torch.tensor([[2.0, 0.0, 1.0, -1.0]])  # 0.64, 0.09, 0.24, 0.03
    uniforms = torch.linspace(0, 1 - 1e-9, 1000, dtype=torch.float64)
    drawn, logprobs = _draw(logits.expand(1000, -1), top_p, uniforms)
    assert set(drawn.tolist()) == kept
    torch.testing.assert_close(logprobs, logits.log_softmax(-1)[0, drawn])


def test_what_cannot_be_said_is_never_drawn_at_the_ends_of_the_distribution() -> None:
    logits = torch.full((2, 1000), -torch.inf)
    logits[:, 3], logits[:, 700] = 0.0, 1.0
    drawn, logprobs = _draw(logits, 1.0, torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64))
    assert drawn.tolist() == [3, 700]
    assert torch.isfinite(logprobs).all()


def test_an_answer_ends_at_whichever_stop_token_comes_first(model: PreTrainedModel) -> None:
    once = sample(model, PROMPTS, HOW, seed=1)
    other = next(answer.tokens[3] for answer in once if len(answer.tokens) > 4)
    twice = sample(model, PROMPTS, dataclasses.replace(HOW, stop_ids=(2, other)), seed=1)
    for before, after in zip(once, twice, strict=True):
        places = [place for place, token in enumerate(before.tokens) if token in (2, other)]
        assert after.tokens == before.tokens[: places[0] + 1] if places else before.tokens
        assert after.finished == bool(places)
    assert any(answer.tokens[-1] == other for answer in twice)


def test_an_answer_is_completed_as_the_chat_template_ends_it() -> None:
    assert Answer([5, 6], [0.0, 0.0], finished=False).completed([2, 9]) == [5, 6, 2, 9]
    assert Answer([5, 3], [0.0, 0.0], finished=True).completed([2, 9]) == [5, 2, 9]


def test_progress_is_reported_after_each_batch(llama: Path) -> None:
    counts: list[int] = []
    sample(load_base(str(llama), "float32"), PROMPTS, HOW, seed=1, batch_size=8, after_batch=counts.append)
    assert counts == [8, 16, 20]
