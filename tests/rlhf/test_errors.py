"""What went wrong, said with the setting to change."""

import json
import re
from typing import Any

import numpy as np
import pytest
import torch

from training.rlhf.errors import explain
from training.rlhf.model.logprobs import Block, answer_logprobs
from training.rlhf.recipes import RECIPES, Recipe, parse_recipe


def recipe_of(stage: str, **changes: Any) -> Recipe:
    values: dict[str, Any] = {"stage": stage, "base_model": "b", "dataset": {"path": "d", "sha256": "0" * 64}}
    if stage in ("ppo", "evaluate"):
        values["reward_adapter"] = "r"
    return parse_recipe(json.dumps(values | changes))


def caught(work: Any) -> BaseException:
    with pytest.raises((RuntimeError, MemoryError)) as error:
        work()
    return error.value


@pytest.mark.parametrize("stage", RECIPES)
def test_torch_without_memory_names_the_batch_and_how_much_was_asked_for(stage: str) -> None:
    error = caught(lambda: torch.empty(1 << 50, dtype=torch.uint8))
    reason, kind = explain(error, recipe_of(stage, batch_size=24))
    assert kind == "memory"
    assert "when 1.13e+06 GB more were asked for" in reason
    assert "lower batch_size (now 24)" in reason and "plan" in reason


def test_numpy_without_memory_is_read_too() -> None:
    reason, kind = explain(caught(lambda: np.empty(1 << 50)), recipe_of("sft"))
    assert kind == "memory" and "9.01e+06 GB" in reason and "max_length (now 256)" in reason


def test_a_gpu_without_memory_is_read_too() -> None:
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total")
    reason, kind = explain(error, recipe_of("generate"))
    assert kind == "memory" and "2.68 GB" in reason and "max_new_tokens (now 48)" in reason


@pytest.mark.parametrize("said", ["could not create a primitive", "could not execute a primitive"])
def test_onednn_without_memory_is_read_too(said: str) -> None:
    assert explain(RuntimeError(said), recipe_of("reward"))[1] == "memory"
    assert explain(RuntimeError(f"{said} descriptor for the product"))[1] == "internal"


def test_it_is_said_how_much_the_run_held() -> None:
    reason, _ = explain(caught(lambda: np.empty(1 << 50)), recipe_of("sft"))
    found = re.search(r"beside the ([0-9.]+) ([MG])B that the run held", reason)
    assert found is not None and float(found[1]) * {"M": 1e6, "G": 1e9}[found[2]] > 100e6
    assert re.search(r"out of memory at [0-9.]+ [MG]B: lower", explain(MemoryError(), recipe_of("sft"))[0])


def test_an_update_without_memory_asks_for_a_smaller_micro_batch(tmp_path: Any) -> None:
    """An error that came through the learner; a rollout's does not mention it."""
    scope: dict[str, Any] = {}
    exec(compile("def update(): raise MemoryError", "training/rlhf/learner.py", "exec"), scope)
    assert "lower micro_batch_size (now 16)" in explain(caught(scope["update"]), recipe_of("ppo"))[0]
    assert "micro_batch_size" not in explain(MemoryError(), recipe_of("ppo"))[0]


def test_a_pass_of_the_reference_without_memory_asks_for_a_smaller_micro_batch() -> None:
    def model(**_: Any) -> Any:
        raise MemoryError

    block = Block(torch.ones(2, 5, dtype=torch.long), torch.ones(2, 5), torch.ones(2, 3))
    error = caught(lambda: answer_logprobs(model, block, 1.0))  # type: ignore[arg-type]
    assert "lower micro_batch_size (now 16)" in explain(error, recipe_of("ppo"))[0]
    assert "micro_batch_size" not in explain(error, recipe_of("evaluate"))[0]


def test_without_recipe_and_amount_there_is_still_advice() -> None:
    reason, kind = explain(MemoryError())
    assert kind == "memory" and "smaller batch size" in reason and "asked for" not in reason


def test_another_runtime_error_is_not_taken_for_it() -> None:
    assert explain(RuntimeError("shapes cannot be multiplied"), recipe_of("ppo"))[1] == "internal"
