"""Several processes, started by torchrun on loopback, do the run that one would do."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.rlhf.making import error_of, progress_of, with_policy
from training.rlhf import ppo
from training.rlhf.errors import ProcessError, RecipeError
from training.rlhf.processes import Processes
from training.rlhf.recipes import PPORecipe
from training.rlhf.rundir import RunDirectory

Make = Callable[..., Path]
# What rounding may do to weights of up to 1 in a run of four steps; a row that is lost or doubled does more.
TOLERANCE = {"rtol": 0.0, "atol": 1e-5}


def torchrun(*command: str, processes: int = 1, nodes: int = 1) -> list[subprocess.Popen[str]]:
    """The agents of so many nodes on loopback, at a port of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    agent = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", str(nodes), "--nproc-per-node",
        str(processes), "--master-addr", "127.0.0.1", "--master-port", str(port),
    ]  # fmt: skip
    return [
        subprocess.Popen(
            [*agent, "--node-rank", str(node), "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for node in range(nodes)
    ]


def ends(agents: list[subprocess.Popen[str]]) -> tuple[list[int], str]:
    """Exit statuses and all that was said."""
    said = [agent.communicate(timeout=300)[0] for agent in agents]
    return [agent.returncode for agent in agents], "\n".join(said)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def settings(llama: Path, ppo_settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A policy with a reference of its own, an adaptive price, and batches that two cannot halve."""
    with_policy(llama).save("policy", tmp_path / "policy")
    return ppo_settings | {
        "policy_adapter": str(tmp_path / "policy"),
        "batch_size": 9,
        "micro_batch_size": 1,
        "calibration_answers": 31,
        "kl_target": 1.0,
        "samples_every": 1,
    }


def adapter(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "output" / "adapter_model.safetensors")


def samples(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "output" / "samples.jsonl").read_text().splitlines()]
    return [row | {"score": pytest.approx(row["score"], abs=1e-4)} for row in rows]


def test_two_processes_train_what_one_does_and_stopped_they_go_on_to_the_same_bytes(
    settings: dict[str, Any], make_run: Make
) -> None:
    one, two, stopped = (make_run(settings, name) for name in ("one", "two", "stopped"))
    agents = torchrun("training.rlhf", "ppo", str(two), nodes=2)
    directory = RunDirectory(one)
    directory.open()
    metrics = ppo.run(directory, directory.recipe())
    statuses, said = ends(agents)
    assert statuses == [0, 0], said

    result = json.loads((two / "result.json").read_text())
    assert result["metrics"] == pytest.approx(metrics, rel=1e-3, abs=1e-4)
    assert samples(two) == samples(one) and len(samples(one)) == 5 * 4
    whole = adapter(one)
    for name, weight in adapter(two).items():
        torch.testing.assert_close(weight, whole[name], **TOLERANCE)
    assert [line["step"] for line in progress_of(two)] == [1, 2, 3, 4]

    statuses, said = ends(torchrun("tests.rlhf.under_torchrun", "stop_and_go_on", str(stopped), processes=2))
    assert statuses == [0], said
    assert (stopped / "output" / "adapter_model.safetensors").read_bytes() == (
        two / "output" / "adapter_model.safetensors"
    ).read_bytes()
    assert samples(stopped) == samples(two)


def test_a_process_that_is_killed_ends_the_run_with_a_reason(
    settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(settings)
    statuses, said = ends(torchrun("tests.rlhf.under_torchrun", "lose_one", str(folder), processes=2))
    assert statuses == [1], said
    assert error_of(folder)["kind"] == "process", said
    assert "Another process of this run has ended" in error_of(folder)["reason"]
