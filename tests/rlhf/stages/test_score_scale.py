"""Rewards on the scale of the reference's scores, with and without what their length explains."""

import torch

from training.rlhf.stages.ppo.score_scale import FEWEST_ENDED, ScoreScale

COUNT = 40


def answers() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores that fall by 0.05 a token, lengths, and which ended; the others are bad for another reason."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(10, 60, (COUNT,), generator=generator).float()
    ended = torch.arange(COUNT) % 4 != 0
    noise = torch.randn(COUNT, generator=generator) / 10
    scores = 3 - 0.05 * lengths + noise - 2 * ~ended
    return scores, lengths, ended


def test_rewards_of_the_reference_have_mean_zero_and_deviation_one() -> None:
    scores, lengths, ended = answers()
    for length_neutral in (False, True):
        scale = ScoreScale.of(scores, lengths, ended, length_neutral=length_neutral)
        rewards = scale.rewards(scores, lengths)
        torch.testing.assert_close(rewards.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
        torch.testing.assert_close(rewards.std(), torch.tensor(1.0))


def test_unless_it_is_asked_for_length_is_left_in() -> None:
    scores, lengths, ended = answers()
    scale = ScoreScale.of(scores, lengths, ended, length_neutral=False)
    assert scale.slope == 0
    torch.testing.assert_close(scale.rewards(scores, lengths), (scores - scores.mean()) / scores.std())


def test_length_explains_no_reward_of_answers_that_ended_and_being_cut_off_still_does() -> None:
    scores, lengths, ended = answers()
    scale = ScoreScale.of(scores, lengths, ended, length_neutral=True)
    assert abs(scale.slope + 0.05) < 0.005
    rewards = scale.rewards(scores, lengths)
    pair = torch.stack([rewards[ended], lengths[ended]])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 1e-4
    assert rewards[~ended].mean() < rewards[ended].mean() - 1


def test_too_few_that_ended_or_all_of_one_length_give_no_slope() -> None:
    scores, lengths, _ = answers()
    few = torch.arange(COUNT) < FEWEST_ENDED - 1
    assert ScoreScale.of(scores, lengths, few, length_neutral=True).slope == 0
    same = torch.full((COUNT,), 20.0)
    assert ScoreScale.of(scores, same, few | True, length_neutral=True).slope == 0
