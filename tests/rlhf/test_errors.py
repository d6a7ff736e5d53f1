"""The reason of a failure, with the setting to change."""

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from training.rlhf.errors import explain, memory_grows_with
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES, base, parse_recipe


def recipe_of(stage: str, **changes: Any) -> Recipe:
    values: dict[str, Any] = {"stage": stage, "base_model": "b", "dataset": {"path": "d", "sha256": "0" * 64}}
    if stage in ("ppo", "evaluate"):
        values["reward_adapter"] = "r"
    return parse_recipe(json.dumps(values | changes))


def reason_of(stage: str, work: Callable[[], object], **changes: Any) -> str:
    """Why a run of this stage has ended that runs out of memory in `work`."""
    recipe = recipe_of(stage, **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "import_module", lambda _: SimpleNamespace(run=lambda *_: work()))
        with pytest.raises((RuntimeError, MemoryError)) as error:
            STAGES[stage].run(RunDirectory("nowhere"), recipe)
    reason, kind = explain(error.value, vars(recipe))
    assert kind == "memory"
    return reason


def raising(error: Exception) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("stage", STAGES)
def test_torch_without_memory_names_the_batch_and_the_size_of_the_allocation(stage: str) -> None:
    reason = reason_of(stage, lambda: torch.empty(1 << 50, dtype=torch.uint8), batch_size=24)
    assert "when 1.13e+06 GB more were asked for" in reason
    assert "lower batch_size (now 24)" in reason and "plan" in reason


def test_numpy_without_memory_is_recognised() -> None:
    reason = reason_of("sft", lambda: np.empty(1 << 50))
    assert "9.01e+06 GB" in reason and "max_length (now 256)" in reason


def test_a_gpu_without_memory_is_recognised() -> None:
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total")
    reason = reason_of("generate", raising(error))
    assert "2.68 GB" in reason and "max_new_tokens (now 48)" in reason


@pytest.mark.parametrize("message", ["could not create a primitive", "could not execute a primitive"])
def test_onednn_without_memory_is_recognised(message: str) -> None:
    assert explain(RuntimeError(message))[1] == "memory"
    assert explain(RuntimeError(f"{message} descriptor for the product"))[1] == "internal"


def test_the_reason_has_the_memory_that_the_run_held() -> None:
    found = re.search(
        r"beside the ([0-9.]+) ([MG])B that the run held", reason_of("sft", lambda: np.empty(1 << 50))
    )
    assert found is not None and float(found[1]) * {"M": 1e6, "G": 1e9}[found[2]] > 100e6
    assert re.search(r"out of memory at [0-9.]+ [MG]B: lower", reason_of("sft", raising(MemoryError())))


def test_an_inner_loop_names_its_setting_before_those_of_the_stage() -> None:
    def work() -> None:
        with memory_grows_with("micro_batch_size"):
            raise MemoryError

    reason = reason_of("ppo", work)
    assert "lower micro_batch_size (now 16) or lower batch_size (now 128) or lower max_new_tokens" in reason
    assert "micro_batch_size" not in reason_of("ppo", raising(MemoryError()))


def test_without_recipe_and_amount_there_is_still_advice() -> None:
    reason, kind = explain(MemoryError())
    assert kind == "memory" and "smaller batch size" in reason and "asked for" not in reason


def test_another_runtime_error_is_not_taken_for_it() -> None:
    assert explain(RuntimeError("shapes cannot be multiplied"))[1] == "internal"
