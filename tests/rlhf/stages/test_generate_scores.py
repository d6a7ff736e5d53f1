"""The scores of sampled answers: by an ensemble's members, or by heads drawn around a single one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.rlhf.making import BAD, GOOD, PROMPTS, QUESTIONS, error_of, make_reward, write_rows
from training.rlhf.__main__ import main
from training.rlhf.errors import RecipeError
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.generate.scores import DRAWS, draw_heads

Rows = list[dict[str, Any]]


def test_heads_are_drawn_from_the_laplace_posterior_around_the_trained_one() -> None:
    rng = np.random.default_rng(0)
    head, differences, weight = rng.normal(size=3), rng.normal(size=(40, 3)), rng.uniform(0.2, 2, 40)
    drawn = draw_heads(*map(torch.tensor, (head, differences, weight)), draws=40_000, seed=1).numpy()
    p = 1 / (1 + np.exp(-differences @ head))
    prior = (differences**2).sum(1).mean()
    precision = differences.T @ np.diag(weight * p * (1 - p)) @ differences + prior * np.eye(3)
    np.testing.assert_allclose(drawn.mean(0), head, atol=1e-12)
    np.testing.assert_allclose(np.cov(drawn.T), np.linalg.inv(precision), atol=2e-3)


@pytest.fixture
def preferences(tmp_path: Path) -> dict[str, str]:
    """GOOD is preferred on every question but the last."""
    rows = [
        {
            "prompt": [{"role": "user", "content": question}],
            "chosen": [{"role": "assistant", "content": GOOD}],
            "rejected": [{"role": "assistant", "content": BAD}],
        }
        for question in QUESTIONS[:-1]
    ]
    return write_rows(tmp_path / "preferences.jsonl", rows)


@pytest.fixture
def generate(
    llama: Path, tmp_path: Path, preferences: dict[str, str], make_run: Callable[..., Path]
) -> Callable[..., Path]:
    """Make a run that samples two answers to each prompt and scores them by this reward model."""

    def make(reward: Path, **settings: Any) -> Path:
        shared = {"stage": "generate", "base_model": str(llama), "threads": 1, "max_new_tokens": 12}
        dataset = write_rows(tmp_path / "some.jsonl", PROMPTS)
        scored = {"reward_adapter": str(reward), "preferences": preferences}
        counts = {"completions_per_prompt": 2, "redraws": 0}
        return make_run(shared | counts | scored | {"dataset": dataset} | settings)

    return make


def rows_of(run: Path) -> Rows:
    return [json.loads(line) for line in (run / "output" / "completions.jsonl").read_text().splitlines()]


def test_a_single_reward_model_scores_with_a_spread_around_its_own_score(
    reward: Path, generate: Callable[..., Path]
) -> None:
    run = generate(reward)
    assert main(["generate", str(run)]) == 0
    rows = rows_of(run)
    scores = np.array([row["scores"] for row in rows])
    assert scores.shape == (2 * len(PROMPTS), DRAWS) and (scores.std(1) > 0.01).all()
    good = np.array([row["text"] == GOOD for row in rows])
    assert scores[good].mean() > scores[~good].mean()


def test_an_ensemble_scores_by_its_members(
    llama: Path, tmp_path: Path, generate: Callable[..., Path]
) -> None:
    for number in range(2):
        make_reward(llama, tmp_path / "ensemble" / f"member-{number}")
    run = generate(tmp_path / "ensemble")
    assert main(["generate", str(run)]) == 0
    assert {len(row["scores"]) for row in rows_of(run)} == {2}


def test_pairs_that_are_longer_than_all_answers_tell_nothing(
    reward: Path, generate: Callable[..., Path]
) -> None:
    run = generate(reward, max_prompt_tokens=20, max_new_tokens=1)
    assert main(["generate", str(run)]) == 1
    assert "no pair that is as short" in error_of(run)["reason"]


def test_a_reward_adapter_and_what_it_learned_from_belong_together() -> None:
    dataset = {"path": "prompts.jsonl", "sha256": "0" * 64}
    with pytest.raises(RecipeError, match="belong together"):
        GenerateRecipe.from_dict({"base_model": "base", "dataset": dataset, "reward_adapter": "reward"})
