"""A recipe that asks for a GPU does on another device what it does on the processor.

The device is the pretended one (see `elsewhere`), and a GPU where there is one.
"""

import json
import shutil
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.rlhf import elsewhere, engine
from tests.rlhf.making import BAD, GOOD, PROMPTS, QUESTIONS, conversation, with_policy, write_rows
from training.rlhf.errors import RecipeError
from training.rlhf.hardware.device import device_for

# Sums are rounded in another order there.
TOLERANCE = 1e-3
STAGES = ("sft", "reward", "ppo", "generate", "evaluate")

Run = Callable[[str, Path], dict[str, Any]]
Make = Callable[..., Path]


@pytest.fixture(
    params=[
        "elsewhere",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
    ]
)
def run_there(request: pytest.FixtureRequest) -> Run:
    """Run a stage on the device; gives the result's metrics."""
    work = elsewhere.work if request.param == "elsewhere" else engine.work

    def run(stage: str, folder: Path) -> dict[str, Any]:
        recipe = json.loads((folder / "recipe.json").read_text())
        (folder / "recipe.json").write_text(json.dumps(recipe | {"device": "cuda"}))
        return metrics_of(engine.fork(work, stage, str(folder), str(engine.log_of(folder))), folder)

    return run


def run_here(stage: str, folder: Path) -> dict[str, Any]:
    return metrics_of(engine.start(stage, folder), folder)


def metrics_of(process: BaseProcess, folder: Path) -> dict[str, Any]:
    assert engine.status_of(process) == 0, engine.log_of(folder).read_text()[-3000:]
    metrics: dict[str, Any] = json.loads((folder / "result.json").read_text())["metrics"]
    return metrics


@pytest.fixture
def recipes(
    llama: Path, reward: Path, prompts: dict[str, str], ppo_settings: dict[str, Any], tmp_path: Path
) -> dict[str, dict[str, Any]]:
    """A recipe of every stage: PPO's policy has a reference of its own, evaluate learns a classifier."""
    with_policy(llama).save("policy", tmp_path / "policy")
    policy, questions = str(tmp_path / "policy"), prompts
    sides = {"chosen": conversation("", GOOD)[1:], "rejected": conversation("", BAD)[1:]}
    pairs = [row | sides | {"split": "train" if i < 6 else "test"} for i, row in enumerate(PROMPTS)]
    lessons = [{"messages": conversation(question, GOOD)} for question in QUESTIONS]
    flagged = [
        {"text": f"{question} {answer}", "flagged": answer == BAD}
        for question in QUESTIONS
        for answer in (GOOD, BAD)
    ]
    common = {"base_model": str(llama), "threads": 1}
    trained = common | {"lora_r": 4, "batch_size": 4}
    return {
        "sft": trained | {"dataset": write_rows(tmp_path / "lessons.jsonl", lessons)},
        "reward": trained | {"dataset": write_rows(tmp_path / "pairs.jsonl", pairs), "min_pairs": 2},
        "ppo": ppo_settings
        | {"policy_adapter": policy, "kl_target": 1.0, "micro_batch_size": 2, "calibration_answers": 8}
        | {"steps": 2, "checkpoint_every": 1, "samples_every": 1},
        "generate": common | {"dataset": questions, "policy_adapter": policy, "max_new_tokens": 12},
        "evaluate": common
        | {"dataset": questions, "reward_adapter": str(reward), "candidate_adapter": policy}
        | {"max_new_tokens": 6, "samples_per_prompt": 1, "min_flags": 6}
        | {"flagged": write_rows(tmp_path / "flagged.jsonl", flagged)},
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_does_there_what_it_does_here(
    stage: str, recipes: dict[str, dict[str, Any]], make_run: Make, run_there: Run
) -> None:
    here, there = (make_run(recipes[stage] | {"stage": stage}, name) for name in ("here", "there"))
    expected, metrics = run_here(stage, here), run_there(stage, there)
    crossed = [[each["watch"] for each in each_run.pop("watches", [])] for each_run in (metrics, expected)]
    assert crossed[0] == crossed[1]
    texts = {name for name, value in expected.items() if not isinstance(value, float | int)}
    assert {name: metrics[name] for name in texts} == {name: expected[name] for name in texts}
    numbers = {name: value for name, value in expected.items() if name not in texts}
    assert {name: metrics[name] for name in numbers} == pytest.approx(numbers, rel=TOLERANCE, abs=TOLERANCE)
    assert_same_output(there, here)


def assert_same_output(there: Path, here: Path) -> None:
    """The same answers, and the same weights but for rounding."""
    for name in ("completions.jsonl", "safety.jsonl"):
        if (here / "output" / name).exists():
            assert (there / "output" / name).read_text() == (here / "output" / name).read_text()
    adapter = Path("output") / "adapter_model.safetensors"
    if (here / adapter).exists():
        expected, weights = load_file(here / adapter), load_file(there / adapter)
        torch.testing.assert_close(weights, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_run_goes_on_there_from_a_checkpoint(
    recipes: dict[str, dict[str, Any]], make_run: Make, run_there: Run
) -> None:
    here, there = make_run(recipes["ppo"], "here"), make_run(recipes["ppo"], "there")
    expected = run_here("ppo", here)
    shutil.copytree(here / "checkpoints" / "step-000001", there / "checkpoints" / "step-000001")
    assert run_there("ppo", there) == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE)
    assert json.loads((there / "result.json").read_text())["resumed_from"] == 1
    assert_same_output(there, here)


def test_tensors_of_two_devices_do_not_meet_on_the_pretended_one() -> None:
    assert engine.status_of(engine.fork(meet)) == 0


def meet() -> None:
    with elsewhere.elsewhere() as device:
        here, there = torch.ones(3), torch.ones(3, device=device)
        assert there.device == device and there[1:].device == device and (there + 1).device == device
        assert (there.cpu() + here).tolist() == (there + here.to(device)).tolist() == [2, 2, 2]
        for act in (
            lambda: there + here,
            lambda: here[there.long()],
            lambda: here.add_(there),
            lambda: torch.cat([here, there]),
            lambda: there.numpy(),
        ):
            with pytest.raises((RuntimeError, TypeError), match=r"two devices|numpy"):
                act()


def test_a_device_means_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_for("cpu") == device_for("auto") == torch.device("cpu")
    with pytest.raises(RecipeError, match="device is cuda, and no GPU"):
        device_for("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_for("cpu") == torch.device("cpu")
    assert device_for("auto") == device_for("cuda") == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_for("cuda") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(RecipeError, match="fewer GPUs"):
        device_for("auto")
