"""The command: exit codes, reasons, and what is left on the disk when something goes wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.rlhf.engine import (
    LONGEST,
    fork,
    kill_after_checkpoint,
    log_of,
    start,
    status_of,
    wait_for_checkpoint,
    work,
)
from tests.rlhf.making import error_of, progress_of
from training.rlhf.__main__ import main
from training.rlhf.rundir import RunDirectory, sha256_of
from training.rlhf.stages import STAGES
from training.rlhf.stages.ppo import stage as ppo

Make = Callable[..., Path]


def run(stage: str, folder: Path) -> tuple[int, str]:
    """The command itself: its exit status, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "training.rlhf", stage, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=LONGEST,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_help_lists_every_setting_with_its_reason_and_default(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([stage, "--help"])
    expected = "settings in recipe.json:"
    for each in fields(STAGES[stage].recipe):
        default = "required" if each.default is MISSING else f"default {json.dumps(each.default)}"
        expected += f"{each.name} ({default}) {each.metadata['help']}"
    assert without_spaces(capsys.readouterr().out).endswith(without_spaces(expected))


def work_as_nobody(folder: str, log: str) -> None:
    """The stage ppo by a user who owns nothing, where this process may choose."""
    if os.geteuid() == 0:
        os.seteuid(65534)
    work("ppo", folder, log)


def without_spaces(text: str) -> str:
    return "".join(text.split())


def test_killed_anywhere_a_run_resumes_and_ends_with_the_same_bytes(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    whole, killed = (
        make_run(ppo_settings, "whole"),
        make_run(ppo_settings, "killed"),
    )
    directory = RunDirectory(whole)
    directory.open()
    ppo.run(directory, directory.recipe())
    kill_after_checkpoint("ppo", killed, 2)
    status, output = run("ppo", killed)
    assert status == 0, output
    result = json.loads((killed / "result.json").read_text())
    assert result["files"].pop("README.md") == sha256_of(killed / "output" / "README.md")  # tells its energy
    assert result["files"] == {path.name: sha256_of(path) for path in directory.output.iterdir()}
    assert set(result["files"]) == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "base.json",
        "samples.jsonl",
    }
    assert result["energy"]["estimate"] and result["energy"]["kwh"] > 0

    status, output = run("ppo", killed)  # there is nothing left to do
    assert status == 0 and "already succeeded" in output


def fail_while_terminated(folder: str, log: str) -> None:
    """The stage ppo, which gets a SIGTERM when it has failed and has not written why yet."""
    fail = RunDirectory.fail

    def terminated(directory: RunDirectory, error: BaseException) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return fail(directory, error)

    RunDirectory.fail = terminated  # type: ignore[method-assign]
    work("ppo", folder, log)


def test_a_run_that_is_terminated_while_it_fails_still_leaves_the_reason(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | {"reward_adapter": "nowhere"})
    assert status_of(fork(fail_while_terminated, str(folder), str(log_of(folder)))) == 1
    assert "nowhere" in error_of(folder)["reason"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_or_an_interrupt_ends_a_run_after_a_checkpoint(
    number: signal.Signals, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | {"steps": 5000})
    process = start("ppo", folder)
    wait_for_checkpoint(process, folder)
    os.kill(process.pid or 0, number)
    assert status_of(process) == 3, log_of(folder).read_text()
    assert "Traceback" not in log_of(folder).read_text()
    assert not (folder / "result.json").exists() and not (folder / "error.json").exists()
    last = progress_of(folder)[-1]
    assert (folder / "checkpoints" / f"step-{last['step']:06d}").is_dir()


def test_a_second_interrupt_ends_a_run_at_once(
    ppo_settings: dict[str, Any], make_run: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt_twice(*_: Any) -> None:
        for _time in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppo, "run", interrupt_twice)
        assert main(["ppo", str(make_run(ppo_settings))]) == 3
    assert "Stopped on request" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) == handler


def run_onto_a_full_disk(folder: Path, largest_file: int) -> int:
    """PPO's exit status when, after a checkpoint, no log and no file above so many bytes can be written."""
    process = start("ppo", folder, log=Path("/dev/full"))
    wait_for_checkpoint(process, folder)
    assert process.pid is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
    return status_of(process)


def test_a_full_disk_during_a_checkpoint_keeps_the_earlier_one(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | {"steps": 5000, "checkpoint_every": 1})
    assert run_onto_a_full_disk(folder, largest_file=10_000) == 1
    assert error_of(folder)["kind"] == "disk" and "The disk is full" in error_of(folder)["reason"]
    left = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert left and all(len(name) == len("step-000001") for name in left)
    weights = load_file(folder / "checkpoints" / left[-1] / "state.safetensors")
    assert all(value.isfinite().all() for value in weights.values())


def test_a_disk_too_full_even_for_the_reason_is_told_by_the_exit_status(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | {"steps": 5000, "checkpoint_every": 1})
    assert run_onto_a_full_disk(folder, largest_file=0) == 4
    assert not (folder / "error.json").exists() and not list(folder.glob("*.tmp-*"))
    assert list((folder / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"base_model": "/nowhere/model"}, "model", "The model folder /nowhere/model does not exist."),
        ({"steps": -1}, "recipe", "steps must be greater than 0."),
        ({"stage": "generate"}, "recipe", "unknown settings"),
    ],
)
def test_a_failure_leaves_its_reason(
    change: dict[str, Any], kind: str, reason: str, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | change)
    assert status_of(start("ppo", folder)) == 1
    output = log_of(folder).read_text()
    assert error_of(folder)["kind"] == kind
    assert reason in error_of(folder)["reason"] and error_of(folder)["reason"] in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["output", "checkpoints"])
def test_a_file_where_a_folder_must_be_is_named(
    name: str, ppo_settings: dict[str, Any], make_run: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(ppo_settings)
    (folder / name).write_text("")
    assert main(["ppo", str(folder)]) == 1
    assert error_of(folder)["kind"] == "file" and str(folder / name) in error_of(folder)["reason"]
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_to_is_named() -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own are for its user alone
        Path(place).chmod(0o755)
        folder, log = Path(place) / "run", Path(place) / "log"
        folder.mkdir(0o555)
        log.touch()
        log.chmod(0o666)
        assert status_of(fork(work_as_nobody, str(folder), str(log))) == 1
        printed = log.read_text()
    assert f"{folder}/output cannot be used (Permission denied)" in printed and "Traceback" not in printed


def test_a_failure_of_the_engine_itself_is_traced_in_the_log(
    ppo_settings: dict[str, Any], make_run: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppo, "run", lambda *_: {}["lost"])
        assert main(["ppo", str(make_run(ppo_settings))]) == 1
    printed = capsys.readouterr().err
    assert "Traceback" in printed and "The engine failed unexpectedly: KeyError" in printed


def test_a_name_that_is_no_unicode_reaches_the_reason(ppo_settings: dict[str, Any], make_run: Make) -> None:
    folder = make_run(ppo_settings | {"\ud800": 1})
    assert main(["ppo", str(folder)]) == 1
    assert "unknown settings: \\ud800" in error_of(folder)["reason"]


def test_a_directory_without_recipe_and_one_that_is_missing_are_refused(tmp_path: Path) -> None:
    status, output = run("ppo", tmp_path)
    assert status == 1 and "no readable recipe.json" in output
    status, output = run("ppo", tmp_path / "none")
    assert status == 1 and "There is no run directory" in output


WATCH = """
import os, sys
class Watch:
    def find_spec(self, name, *_others):
        if name in ("torch", "transformers", "huggingface_hub"):
            os.write(1, os.environ.get("HF_HUB_OFFLINE", "not said").encode())
            os._exit(0)
sys.meta_path.insert(0, Watch())
from training.rlhf.__main__ import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "command",
    ["check BASE", "measure BASE in out", "export BASE out", "unpack BASE/x.gguf out", "generate .", "plan .",
     "plan --update facts.json"],
)  # fmt: skip
@pytest.mark.parametrize("is_here", [True, False])
def test_libraries_are_kept_from_the_network_when_the_base_model_is_here(
    tmp_path: Path, command: str, is_here: bool
) -> None:
    """Said before their import, at which they read it."""
    if is_here:
        (tmp_path / "base").mkdir()
        (tmp_path / "base" / "x.gguf").touch()
    recipe = {"stage": "generate", "base_model": "base", "dataset": {"path": "p", "sha256": "0" * 64}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    known = {"seconds": 1, "settings": {}, "rows": {}, "pairs": 1, "comparisons": 1}
    facts = {"base_model": "base", "completions_per_prompt": 2, **known}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *command.replace("BASE", "base").split()],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LONGEST,
    )
    assert done.stdout == ("1" if is_here else "not said")


def test_a_wrong_command_line_is_refused(tmp_path: Path) -> None:
    assert run("dpo", tmp_path)[0] == 2
