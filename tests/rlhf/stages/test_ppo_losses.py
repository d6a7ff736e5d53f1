"""PPO's quantities against their definitions, computed slowly in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.rlhf.stages.ppo.advantages import (
    adapt_kl_coef,
    explained_variance,
    generalised_advantages,
    token_rewards,
    whiten,
)
from training.rlhf.stages.ppo.losses import policy_loss, value_loss


def random_batch(seed: int, rows: int = 3, width: int = 6) -> tuple[torch.Tensor, ...]:
    """Three (B, R) tensors that are zero outside the mask, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, width + 1, (rows,), generator=generator)
    lengths[0] = width
    mask = torch.arange(width) < lengths[:, None]
    values = [torch.where(mask, torch.randn(rows, width, generator=generator), 0.0) for _ in range(3)]
    return *values, mask


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_the_discounted_sum_of_temporal_differences(
    seed: int, gamma: float, lam: float
) -> None:
    rewards, values, _, mask = random_batch(seed)
    advantages, returns = generalised_advantages(rewards, values, mask, gamma=gamma, lam=lam)
    for row in range(len(rewards)):
        length = int(mask[row].sum())
        v = [*values[row, :length].double().tolist(), 0.0]
        r = rewards[row].double().tolist()
        for t in range(length):
            expected = sum(
                (gamma * lam) ** k * (r[t + k] + gamma * v[t + k + 1] - v[t + k]) for k in range(length - t)
            )
            assert float(advantages[row, t]) == pytest.approx(expected, abs=1e-5)
            assert float(returns[row, t]) == pytest.approx(expected + v[t], abs=1e-5)
    assert not advantages[~mask].any() and not returns[~mask].any()


def test_without_discount_the_return_is_the_rest_of_the_rewards() -> None:
    rewards, values, _, mask = random_batch(1)
    _, returns = generalised_advantages(rewards, values, mask, gamma=1.0, lam=1.0)
    rest = rewards.flip(-1).cumsum(-1).flip(-1)
    torch.testing.assert_close(returns, torch.where(mask, rest, 0.0), atol=1e-6, rtol=1e-5)


def test_the_score_is_paid_at_the_last_token_and_the_kl_at_each() -> None:
    logprobs, reference, _, mask = random_batch(2)
    scores = torch.tensor([1.0, -2.0, 3.0])
    rewards = token_rewards(scores, logprobs, reference, mask, kl_coef=0.1)
    for row, score in enumerate(scores):
        last = int(mask[row].sum()) - 1
        expected = -0.1 * (logprobs[row] - reference[row])
        expected[last] += score
        torch.testing.assert_close(rewards[row], torch.where(mask[row], expected, 0.0))


@pytest.mark.parametrize("seed", range(5))
def test_the_policy_loss_and_its_gradient_are_those_of_the_clipped_surrogate(seed: int) -> None:
    new, old, advantages, mask = random_batch(seed)
    new.requires_grad_(True)
    result = policy_loss(new, old, advantages, mask, clip_range=0.2)
    result.loss.backward()
    total = clipped = count = kl = 0.0
    for row, t in mask.nonzero().tolist():
        ratio = math.exp(float(new.detach()[row, t]) - float(old[row, t]))
        a = float(advantages[row, t])
        total += -min(ratio * a, min(max(ratio, 0.8), 1.2) * a)
        clipped += abs(ratio - 1) > 0.2
        kl += ratio - 1 - math.log(ratio)
        count += 1
        is_flat = (a > 0 and ratio > 1.2) or (a < 0 and ratio < 0.8)
        expected = 0.0 if is_flat else -a * ratio / int(mask.sum())
        assert new.grad is not None
        assert float(new.grad[row, t]) == pytest.approx(expected, abs=1e-6)
    assert float(result.loss.detach()) == pytest.approx(total / count, abs=1e-5)
    assert float(result.clip_fraction) == pytest.approx(clipped / count)
    assert float(result.approx_kl) == pytest.approx(kl / count, abs=1e-5)


def test_the_value_loss_is_the_larger_of_plain_and_clipped_error() -> None:
    values, old, returns, mask = random_batch(3)
    total = 0.0
    for row, t in mask.nonzero().tolist():
        v, o, r = (float(x[row, t]) for x in (values, old, returns))
        near = o + min(max(v - o, -0.2), 0.2)
        total += 0.5 * max((v - r) ** 2, (near - r) ** 2)
    measured = value_loss(values, old, returns, mask, clip_range=0.2)
    assert float(measured) == pytest.approx(total / int(mask.sum()), rel=1e-5)


def test_explained_variance_is_what_the_values_leave_of_the_returns_variance() -> None:
    values, _, returns, mask = random_batch(6)
    constant = torch.full_like(returns, 2.0)
    missed = (returns - values)[mask].double().numpy()
    expected = 1 - missed.var() / returns[mask].double().numpy().var()
    assert float(explained_variance(values, returns, mask)) == pytest.approx(expected, abs=1e-5)
    assert float(explained_variance(returns + 3, returns, mask)) == pytest.approx(1)
    assert float(explained_variance(constant, returns, mask)) == pytest.approx(0, abs=1e-6)


def test_explained_variance_is_zero_where_all_returns_are_alike() -> None:
    values, _, _, mask = random_batch(7)
    assert float(explained_variance(values, torch.ones_like(values), mask)) == 0


def test_padding_counts_in_no_loss() -> None:
    new, old, advantages, mask = random_batch(4)
    spoiled = new.masked_fill(~mask, 50.0)
    assert policy_loss(new, old, advantages, mask, 0.2) == policy_loss(spoiled, old, advantages, mask, 0.2)


def test_whitening_gives_mean_zero_and_deviation_one_over_the_tokens() -> None:
    values, _, _, mask = random_batch(5)
    white = whiten(values + 3, mask)[mask]
    assert float(white.std(correction=0)) == pytest.approx(1, abs=1e-4)
    assert float(white.mean()) == pytest.approx(0, abs=1e-4)


def test_the_kl_price_rises_above_the_target_and_falls_below_it() -> None:
    def price(kl: float, target: float = 6.0) -> float:
        return adapt_kl_coef(0.1, kl, target=target, answers=64, horizon=640)

    assert price(6.0) == 0.1
    assert price(6.6) == pytest.approx(0.1 * 1.01)
    assert price(600.0) == pytest.approx(0.1 * 1.02)  # the error is cut at 0.2
    assert price(0.0) == pytest.approx(0.1 * 0.98)
    assert price(600.0, target=0.0) == 0.1
