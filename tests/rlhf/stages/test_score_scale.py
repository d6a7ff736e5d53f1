"""The scale of the reference's scores, and which answers are short beside its own."""

import torch

from training.rlhf.stages.ppo.score_scale import FEWEST_ENDED, ScoreScale

COUNT = 40
LENGTHS = torch.arange(1.0, COUNT + 1)
ENDED = LENGTHS <= 30


def scale(ended: torch.Tensor = ENDED) -> ScoreScale:
    return ScoreScale.of(torch.randn(COUNT, generator=torch.Generator().manual_seed(0)), LENGTHS, ended)


def test_normalised_scores_of_the_reference_have_mean_zero_and_deviation_one() -> None:
    scores = torch.randn(COUNT, generator=torch.Generator().manual_seed(0))
    normalised = scale().normalised(scores)
    torch.testing.assert_close(normalised.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalised.std(), torch.tensor(1.0))


def test_an_answer_is_the_shorter_the_farther_it_falls_below_the_mean_of_those_that_ended() -> None:
    assert scale().length == 15.5
    shortness = scale().shortness(torch.tensor([0, 31 / 4, 15.5, 80]))
    torch.testing.assert_close(shortness, torch.tensor([1.0, 0.5, 0.0, 0.0]))


def test_where_too_few_ended_nothing_is_short() -> None:
    few = scale(LENGTHS < FEWEST_ENDED)
    assert few.length == 0
    assert not few.shortness(torch.tensor([0, 5, 80])).any()
