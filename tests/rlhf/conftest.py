"""Tiny models as fixtures, shared by all tests of the engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from tests.rlhf.making import PROMPTS, make_base, make_reward, teach, teach_reward, write_rows

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base that answers with GOOD or BAD, half and half."""
    folder = tmp_path_factory.mktemp("llama")
    model = make_base("llama", folder)
    teach(model, PreTrainedTokenizerFast.from_pretrained(folder), steps=120)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen3")
    make_base("qwen3", folder)
    return folder


@pytest.fixture(scope="session")
def reward(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward adapter for `llama` that prefers GOOD."""
    folder = tmp_path_factory.mktemp("reward")
    model = make_reward(llama, folder)
    teach_reward(model, llama, steps=30)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def prompts(tmp_path: Path) -> dict[str, str]:
    """A recipe's entry for a file with all the questions."""
    return write_rows(tmp_path / "prompts.jsonl", PROMPTS)


@pytest.fixture
def ppo_settings(llama: Path, reward: Path, prompts: dict[str, str]) -> dict[str, Any]:
    """A PPO recipe of a few seconds."""
    return {
        "stage": "ppo",
        "base_model": str(llama),
        "reward_adapter": str(reward),
        "dataset": prompts,
        "threads": 1,
        "steps": 4,
        "batch_size": 8,
        "max_new_tokens": 12,
        "lora_r": 4,
        "calibration_answers": 32,
        "checkpoint_every": 2,
        "samples_every": 2,
    }


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Make a run directory with this recipe.json; returns its path."""

    def make(settings: dict[str, Any], name: str = "run") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "recipe.json").write_text(json.dumps(settings))
        return folder

    return make


@pytest.fixture(params=["llama", "qwen3"])
def folder(request: pytest.FixtureRequest) -> Path:
    """A Llama (SmolLM2) and a Qwen3 checkpoint."""
    return request.getfixturevalue(request.param)
