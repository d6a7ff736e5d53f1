"""Several processes, started by torchrun on loopback, do the run that one would do."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from tests.rlhf.making import QUESTIONS, error_of, progress_of, with_policy, write_rows
from training.rlhf.__main__ import main
from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import RecipeError
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.recipe import PPORecipe

# One worker starts the processes once for all tests.
pytestmark = pytest.mark.xdist_group("processes")

# What the rounding of sums may do in four steps; a row that is lost, doubled or misplaced does more.
TOLERANCE = 1e-5
STEPS = 4
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


@dataclass(frozen=True)
class Runs:
    """Runs of the same recipe: by one process, and by the processes of `under_torchrun`."""

    folder: Path
    metrics: dict[str, float]
    log: str

    def adapter(self, name: str) -> bytes:
        return (self.folder / name / "output" / "adapter_model.safetensors").read_bytes()

    def samples(self, name: str) -> list[dict[str, Any]]:
        text = (self.folder / name / "output" / "samples.jsonl").read_text()
        rows = [json.loads(line) for line in text.splitlines()]
        return [row | {"score": pytest.approx(row["score"], abs=1e-4)} for row in rows]

    def result(self, name: str) -> dict[str, Any]:
        assert (self.folder / name / "result.json").exists(), self.log
        return json.loads((self.folder / name / "result.json").read_text())


@pytest.fixture(scope="module")
def runs(llama: Path, reward: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Starting processes takes seconds, so that all tests share them.

    The policy has a reference of its own, the KL price adapts, and two cannot halve the batches.
    """
    folder = tmp_path_factory.mktemp("processes")
    with_policy(llama).save("policy", folder / "policy")
    rows = [{"prompt_id": text, "prompt": [{"role": "user", "content": text}]} for text in QUESTIONS]
    settings = {
        "stage": "ppo",
        "base_model": str(llama),
        "reward_adapter": str(reward),
        "policy_adapter": str(folder / "policy"),
        "dataset": write_rows(folder / "prompts.jsonl", rows),
        "threads": 1,
        "steps": STEPS,
        "batch_size": 9,
        "micro_batch_size": 1,
        "max_new_tokens": 12,
        "calibration_answers": 31,
        "kl_target": 1.0,
        "checkpoint_every": 2,
        "samples_every": 1,
    }
    for name in ("one", "two", "stopped", "apart-0", "apart-1", "lost", "divided", "divided-lost"):
        (folder / name).mkdir()
        seed = {"seed": 1} if name == "apart-1" else {}
        (folder / name / "recipe.json").write_text(json.dumps(settings | seed))
    agents = [
        *two_nodes("tests.rlhf.under_torchrun", str(folder)),
        with_fsdp("tests.rlhf.under_torchrun", str(folder)),
    ]
    try:
        directory = RunDirectory(folder / "one")
        directory.open()
        metrics = ppo.run(directory, directory.recipe())
        log = "\n".join(agent.communicate(timeout=600)[0] for agent in agents)
    finally:
        for agent in agents:
            agent.terminate()  # its processes too
    assert [agent.returncode for agent in agents] == [1, 1, 1], log
    return Runs(folder, metrics, log)


def two_nodes(*command: str) -> list[subprocess.Popen[str]]:
    """The agents of two nodes on loopback, with a process each."""
    agent = [
        "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1",
        "--master-addr", "127.0.0.1", "--master-port", free_port(),
    ]  # fmt: skip
    return [started(*agent, "--node-rank", str(node), "-m", *command) for node in range(2)]


def with_fsdp(*command: str) -> subprocess.Popen[str]:
    """The agent of two processes that divide the base, with what else accelerate sets by default."""
    return started(
        "accelerate.commands.launch", "--use_fsdp", "--fsdp_version", "2", "--num_processes", "2",
        "--main_process_port", free_port(), "-m", *command,
    )  # fmt: skip


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def started(*module: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_two_processes_train_what_one_does(runs: Runs) -> None:
    one, two = (safetensors.torch.load(runs.adapter(name)) for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=0, atol=TOLERANCE)
    assert runs.result("two")["metrics"] == pytest.approx(runs.metrics, rel=1e-3, abs=1e-4)


def test_two_processes_give_the_answers_that_one_does_and_report_each_step_once(runs: Runs) -> None:
    assert runs.samples("two") == runs.samples("one")
    assert len(runs.samples("one")) == (STEPS + 1) * 4
    lines = [progress_of(runs.folder / name) for name in ("one", "two")]
    assert [line["step"] for line in lines[1]] == list(range(1, STEPS + 1))
    for one, two in zip(*lines, strict=True):
        figures = {name: value for name, value in one["metrics"].items() if "seconds" not in name}
        assert {name: two["metrics"][name] for name in figures} == pytest.approx(figures, rel=1e-3, abs=1e-4)


def test_a_stop_asked_of_one_process_stops_all_at_one_step_and_they_go_on_from_it(runs: Runs) -> None:
    result = runs.result("stopped")
    assert result["resumed_from"] == 3  # no checkpoint is due there
    assert runs.adapter("stopped") == runs.adapter("two")
    assert runs.samples("stopped") == runs.samples("two")


def test_one_process_goes_on_with_what_two_began(runs: Runs) -> None:
    folder = runs.folder / "handed-over"
    checkpoint = Path("checkpoints") / "step-000002"
    shutil.copytree(runs.folder / "two" / checkpoint, folder / checkpoint)
    shutil.copy(runs.folder / "two" / "recipe.json", folder)
    directory = RunDirectory(folder)
    directory.open()
    assert ppo.run(directory, directory.recipe()) == pytest.approx(runs.metrics, rel=1e-3, abs=1e-4)


def test_processes_in_different_runs_refuse_to_start(runs: Runs) -> None:
    reasons = [error_of(runs.folder / f"apart-{index}") for index in range(2)]
    assert reasons[0] == reasons[1] and reasons[0]["kind"] == "process", runs.log
    assert "different recipes or checkpoints" in reasons[0]["reason"]


def test_a_process_that_is_killed_ends_the_run_with_a_reason(runs: Runs) -> None:
    error = error_of(runs.folder / "lost")
    assert error["kind"] == "process", runs.log
    assert "Another process of this run has ended" in error["reason"]
    assert not (runs.folder / "lost" / "result.json").exists()


def test_processes_that_divide_the_base_train_what_one_does(runs: Runs) -> None:
    """Stopped in between, with shares and numbers of passes that differ."""
    result = runs.result("divided")
    assert result["resumed_from"] == 3
    one, divided = (safetensors.torch.load(runs.adapter(name)) for name in ("one", "divided"))
    assert one.keys() == divided.keys()
    for name, weight in one.items():
        torch.testing.assert_close(divided[name], weight, rtol=0, atol=TOLERANCE)
    assert runs.samples("divided") == runs.samples("one")
    assert result["metrics"] == pytest.approx(runs.metrics, rel=1e-3, abs=1e-4)


def test_each_process_holds_its_part_of_the_base(runs: Runs) -> None:
    for index in range(2):
        sizes = json.loads((runs.folder / f"bytes-{index}.json").read_text())
        assert sizes["held"] == pytest.approx(sizes["whole"] / 2, rel=0.01)
        assert sizes["held"] < sizes["in_a_layer"] < sizes["whole"]


def test_a_process_that_is_killed_ends_a_run_with_a_divided_base_with_a_reason(runs: Runs) -> None:
    error = error_of(runs.folder / "divided-lost")
    assert error["kind"] == "process", runs.log
    assert "Another process of this run has ended" in error["reason"]


def test_the_energy_reported_is_that_of_all_processes(runs: Runs) -> None:
    energy = runs.result("two")["energy"]
    assert energy["kwh"] > 0 and energy["reason"] is None


def test_shares_are_apart_and_all_rows_are_in_one() -> None:
    shares = [list(Processes(3, index).share(8)) for index in range(3)]
    assert sorted(row for share in shares for row in share) == list(range(8))
    assert {len(share) for share in shares} == {2, 3}
    assert list(Processes().share(8)) == list(range(8))


@pytest.mark.parametrize(
    "environment", [{}, {"RANK": "1"}, {"WORLD_SIZE": "2"}, {"WORLD_SIZE": "1", "RANK": "0"}]
)
def test_without_torchrun_a_process_is_alone_and_writes(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Processes.of_environment() == Processes(count=1, index=0)
    assert Processes.of_environment().is_main


def test_a_stage_that_several_processes_cannot_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {"stage": "sft", "base_model": "base", "dataset": {"path": "rows.jsonl", "sha256": "0" * 64}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert main(["sft", str(tmp_path)]) == 1
    assert "sft is done by one process" in error_of(tmp_path)["reason"]


def test_what_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = PPORecipe(
        base_model="base", dataset=DatasetFile("rows.jsonl", "0" * 64), reward_adapter="reward", batch_size=11
    )
    Processes(2).require_fit(recipe)
    for few in ({"minibatches": 6}, {"calibration_answers": 2, "minibatches": 1}):
        Processes().require_fit(replace(recipe, **few))
        with pytest.raises(RecipeError, match="The 3 processes need an answer each"):
            Processes(3).require_fit(replace(recipe, **few))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "DeepSpeed is not supported"),
        ({"ACCELERATE_USE_FSDP": "true"}, "version 2"),
        ({"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1"}, "version 2"),
        (FSDP | {"FSDP_OFFLOAD_PARAMS": "true"}, "FSDP_OFFLOAD_PARAMS is not supported"),
        (FSDP | {"FSDP_ACTIVATION_CHECKPOINTING": "True"}, "FSDP_ACTIVATION_CHECKPOINTING is not supported"),
    ],
)
def test_a_way_to_divide_that_is_not_supported_is_refused(
    settings: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = PPORecipe(
        base_model="base", dataset=DatasetFile("rows.jsonl", "0" * 64), reward_adapter="reward"
    )
    for name, value in FSDP.items():
        monkeypatch.setenv(name, value)
    Processes(2).require_fit(recipe)
    for name in FSDP:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=reason):
        Processes(2).require_fit(recipe)
    Processes().require_fit(recipe)
