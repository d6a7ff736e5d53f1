"""The loss on comparisons is that on their pairs, and a completion is encoded once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward import trainer as reward_trainer
from training.rlhf.stages.reward.comparisons import Comparison, Pair
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.stage import load_tokenizer
from training.rlhf.stages.reward.trainer import (
    ComparisonCollator,
    centring_loss,
    load_classifier,
    make_trainer,
    preference_loss,
)

SEQUENCES = ((5, 6, 20, 21), (5, 6, 30), (5, 6, 40, 41, 42), (5, 6, 50))
PAIRS = tuple(Pair(i, j, 1.0 - 0.1 * i, 1.0 + j) for i in range(4) for j in range(i + 1, 4))
COMPARISONS = [Comparison("p", SEQUENCES, PAIRS), Comparison("q", ((7, 8), (7, 9)), (Pair(1, 0, 0.5, 1.0),))]


def test_the_loss_is_the_weighted_cross_entropy_of_the_pairs_in_float64() -> None:
    rng = np.random.default_rng(0)
    margins, p, weight = rng.normal(size=9) * 3, rng.random(9), rng.random(9)
    says = 1 / (1 + np.exp(-margins))
    expected = np.mean(weight * -(p * np.log(says) + (1 - p) * np.log(1 - says)))
    found = preference_loss(*(torch.tensor(each, dtype=torch.float32) for each in (margins, p, weight)))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_a_tie_pulls_both_scores_together() -> None:
    for margin in (1.0, -1.0):
        margins = torch.tensor([margin], requires_grad=True)
        preference_loss(margins, torch.tensor([0.5]), torch.ones(1)).backward()
        assert margins.grad is not None and float(margins.grad) * margin > 0


def test_centring_is_the_mean_square_of_a_pairs_sum_and_of_a_mean_for_more() -> None:
    scores, comparison = torch.tensor([1.0, 2.0, 3.0, 0.0, -1.0]), torch.tensor([0, 0, 1, 1, 1])
    expected = ((1 + 2) ** 2 + (2 * (3 + 0 - 1) / 3) ** 2) / 2
    assert float(centring_loss(scores, comparison, torch.tensor([2, 3]))) == pytest.approx(expected)


@pytest.fixture
def make(folder: Path, tmp_path: Path) -> Any:
    """Make a trainer for COMPARISONS in one step."""

    def make(**settings: Any) -> Any:
        recipe = RewardRecipe.from_dict(
            {
                "base_model": str(folder),
                "dataset": {"path": "x", "sha256": "0" * 64},
                "lora_r": 4,
                **settings,
            }
        )
        torch.manual_seed(0)
        model = load_classifier(str(folder), "float32")
        tokenizer = load_tokenizer(str(folder))
        directory = RunDirectory(tmp_path)
        trainer = make_trainer(directory, recipe, model, tokenizer, COMPARISONS, [[0, 1]], seed=0)
        for name, parameter in trainer.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        return trainer

    return make


def gradients(trainer: Any, batch: dict[str, Any]) -> list[torch.Tensor]:
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, dict(batch)).backward()
    return [p.grad.clone() for p in trainer.model.parameters() if p.grad is not None]


def test_gradients_are_those_of_every_pair_encoded_by_itself(make: Any) -> None:
    trainer = make(center_rewards=0.0)
    together = gradients(trainer, trainer.data_collator([{"comparisons": [0, 1]}]))
    exploded = [
        Comparison(
            "p", (each.sequences[pair.left], each.sequences[pair.right]), (pair._replace(left=0, right=1),)
        )
        for each in COMPARISONS
        for pair in each.pairs
    ]
    collator = ComparisonCollator(exploded, trainer.model, 0)
    apart = gradients(trainer, collator([{"comparisons": list(range(len(exploded)))}]))
    assert len(together) == len(apart) > 10
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-3)


def test_a_model_that_cannot_share_gives_the_same_loss(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make()
    batch = trainer.data_collator([{"comparisons": [0, 1]}])
    assert batch["input_ids"].shape[0] < 6
    shared = trainer.compute_loss(trainer.model, batch)
    monkeypatch.setattr(reward_trainer, "can_share", lambda model: False)
    batch = ComparisonCollator(COMPARISONS, trainer.model, 0)([{"comparisons": [0, 1]}])
    assert batch["input_ids"].shape[0] == 6  # each completion once, though they have seven pairs
    torch.testing.assert_close(trainer.compute_loss(trainer.model, batch), shared, atol=1e-6, rtol=1e-5)


def test_label_smoothing_gives_a_share_of_each_label_to_both_sides(make: Any) -> None:
    plain, smooth = make(center_rewards=0.0), make(center_rewards=0.0, label_smoothing=0.2)
    batch = plain.data_collator([{"comparisons": [0, 1]}])
    softened = batch | {"probability": 0.8 * batch["probability"] + 0.1}
    with torch.no_grad():
        reported = smooth.compute_loss(smooth.model, dict(batch))
        torch.testing.assert_close(reported, plain.compute_loss(plain.model, dict(softened)))
        assert float(reported) != pytest.approx(float(plain.compute_loss(plain.model, dict(batch))))


def test_the_logged_accuracy_leaves_ties_out(make: Any) -> None:
    trainer = make()
    batch = trainer.data_collator([{"comparisons": [0, 1]}])
    batch["probability"] = torch.tensor([1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    with torch.no_grad():
        _, outputs = trainer.compute_loss(trainer.model, batch, return_outputs=True)
    expected = float(outputs["scores"][0] > outputs["scores"][1])
    assert float(trainer._metrics["train"]["accuracy"][-1]) == expected
