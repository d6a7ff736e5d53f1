"""What PPO learns from: log-probabilities of answers, and gradients added up over parts."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tests.rlhf.making import load_shared, with_policy
from training.rlhf.data.padding import positions_of
from training.rlhf.model.logprobs import Block, answer_logprobs, lay_out
from training.rlhf.model.reward_head import ScalarHead
from training.rlhf.recipes import DatasetFile
from training.rlhf.stages.ppo.advantages import whiten
from training.rlhf.stages.ppo.learner import Learner
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience

PROMPTS = [[7, 8, 9], [10] * 9, [11, 12], [13, 14, 15, 16, 17], [18, 9]]
ANSWERS = [[21, 22, 2], [23] * 7, [24], [25, 26, 27, 28, 2], [29] * 4]
RECIPE = PPORecipe(
    base_model="base", dataset=DatasetFile("prompts.jsonl", "0" * 64), reward_adapter="reward", batch_size=5
)


def block() -> Block:
    return lay_out(PROMPTS, ANSWERS, 0)


def experience(folder: Path) -> Experience:
    """A rollout of another policy, so that ratios differ from one."""
    torch.manual_seed(0)
    mask = block().answer_mask
    base = with_policy(folder)
    with torch.no_grad(), base.use(None) as model:
        logprobs = answer_logprobs(model, block(), RECIPE.temperature)
    values, returns, advantages = (torch.where(mask, torch.randn(mask.shape), 0.0) for _ in range(3))
    features = torch.randn(*mask.shape, base.hidden_size)
    return Experience(block(), features, logprobs, values, whiten(advantages, mask), returns)


def moved(folder: Path, experience: Experience, micro_batch_size: int) -> tuple[list[Tensor], Tensor]:
    base = with_policy(folder)
    before = [parameter.detach().clone() for parameter in base.parameters("policy")]
    recipe = replace(RECIPE, micro_batch_size=micro_batch_size, epochs=1, minibatches=1)
    learner = Learner(base, ScalarHead(base.hidden_size), recipe)
    metrics = learner.update(experience, 0)
    steps = [p.grad.clone() for p in base.parameters("policy") if p.grad is not None]
    assert any(not torch.equal(a, b) for a, b in zip(before, base.parameters("policy"), strict=True))
    return steps, torch.tensor(
        [metrics.policy_loss, metrics.value_loss, metrics.clip_fraction, metrics.approx_kl]
    )


def test_a_minibatch_in_parts_gives_the_gradient_and_the_metrics_of_the_whole(folder: Path) -> None:
    rollout = experience(folder)
    whole, figures = moved(folder, rollout, 5)
    for micro_batch_size in (1, 2):
        parts, same = moved(folder, rollout, micro_batch_size)
        torch.testing.assert_close(same, figures, rtol=1e-4, atol=1e-6)
        for one, other in zip(whole, parts, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_some_rows_keep_their_tokens_and_lose_the_padding_they_share(folder: Path) -> None:
    rollout = experience(folder)
    rows = torch.tensor([0, 2])
    part = rollout.rows(rows)
    assert part.block.ids.tolist() == [[7, 8, 9, 21, 22, 2], [0, 11, 12, 24, 0, 0]]
    assert part.block.answers.tolist() == [[21, 22, 2], [24, 0, 0]]
    assert torch.equal(part.logprobs, rollout.logprobs[rows, :3])
    assert part.features.shape == (2, 3, rollout.features.shape[-1])
    model = load_shared(folder).model
    with torch.no_grad():
        torch.testing.assert_close(
            answer_logprobs(model, part.block, 1.0),
            answer_logprobs(model, rollout.block, 1.0)[rows, :3],
            rtol=1e-4,
            atol=1e-5,
        )


def test_log_probabilities_and_their_gradient_are_those_of_a_log_softmax_in_float64(folder: Path) -> None:
    temperature, weights = 0.6, torch.randn(5, 7, generator=torch.Generator().manual_seed(2))
    base = with_policy(folder)
    base.train("policy")
    with base.use("policy") as model:
        logprobs = answer_logprobs(model, block(), temperature)
        (logprobs * weights).sum().backward()
        gradients = [p.grad.clone() for p in base.parameters("policy") if p.grad is not None]
        model.zero_grad()
        ids, mask = block().ids, block().mask
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions_of(mask)).logits
        exact = (logits.double() / temperature).log_softmax(-1)[:, -8:-1]
        exact = exact.gather(-1, block().answers.unsqueeze(-1)).squeeze(-1) * block().answer_mask
        (exact * weights).sum().backward()
    torch.testing.assert_close(logprobs.double(), exact, rtol=1e-4, atol=1e-5)
    expected = [p.grad for p in base.parameters("policy") if p.grad is not None]
    assert len(gradients) == len(expected) > 0
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
