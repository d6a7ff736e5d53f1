"""What tests of plans have in common."""

from pathlib import Path
from typing import Any

import pytest

from tests.rlhf.making import GOOD, QUESTIONS, conversation, write_rows


@pytest.fixture
def settings(llama: Path, tmp_path: Path, ppo_settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A short recipe for each stage that learns."""
    shared = {"base_model": str(llama), "threads": 1, "lora_r": 16, "batch_size": 8, "checkpoint_every": 1}
    talks = [{"messages": conversation(question, GOOD)} for question in QUESTIONS * 3]
    pairs = [
        {
            "prompt": conversation(question, "")[:1],
            "chosen": conversation(question, GOOD)[1:],
            "rejected": [{"role": "assistant", "content": answer}],
        }
        for question in QUESTIONS
        for answer in ("Moss.", "Ice fog.", "Peat!")
    ]
    return {
        "sft": {"stage": "sft", "dataset": write_rows(tmp_path / "talks.jsonl", talks), **shared},
        "reward": {"stage": "reward", "dataset": write_rows(tmp_path / "pairs.jsonl", pairs), **shared},
        "ppo": ppo_settings | shared | {"steps": 3, "samples_every": 1},
    }
