"""The run directory: nothing half-written is ever taken for whole."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from tests.rlhf.making import error_of
from training.rlhf.errors import DataError, ProcessError, explain
from training.rlhf.rundir import RunDirectory, sha256_of, write_json


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path)
    directory.open()
    return directory


def test_a_process_that_lost_another_leaves_the_reason_that_the_other_gave(directory: RunDirectory) -> None:
    lost = ProcessError("Another process has ended.")
    directory.fail(lost)
    assert error_of(directory.path)["kind"] == "process"
    directory.fail(DataError("Line 3 is no JSON."))
    assert directory.fail(lost) == str(lost)
    assert error_of(directory.path) == {"kind": "data", "reason": "Line 3 is no JSON."}


def save(directory: RunDirectory, step: int) -> None:
    with directory.checkpoint(step) as folder:
        (folder / "weights").write_text(str(step))


def test_the_last_two_checkpoints_are_kept(directory: RunDirectory) -> None:
    for step in (5, 10, 15):
        save(directory, step)
    assert sorted(path.name for path in directory.checkpoints.iterdir()) == ["step-000010", "step-000015"]
    latest = directory.latest_checkpoint()
    assert latest is not None
    assert latest[0] == 15 and (latest[1] / "weights").read_text() == "15"


def test_killed_while_a_step_is_saved_again_its_checkpoint_is_still_there(directory: RunDirectory) -> None:
    save(directory, 5)
    for moment in range(1, 9):
        code = f"""
import os, shutil, signal
from training.rlhf import rundir
from training.rlhf.rundir import RunDirectory

calls = 0

def then_kill(act):
    def acted(*arguments, **settings):
        global calls
        done = act(*arguments, **settings)
        calls += 1
        if calls == {moment}:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return acted

for module, name in ((rundir.Path, "rename"), (shutil, "rmtree"), (os, "rename"), (os, "replace"),
                     (os, "fsync"), (os, "rmdir"), (os, "unlink")):
    setattr(module, name, then_kill(getattr(module, name)))
with RunDirectory({str(directory.path)!r}).checkpoint(5) as folder:
    (folder / "weights").write_text("5")
os.kill(os.getpid(), signal.SIGKILL)
"""
        killed = subprocess.run([sys.executable, "-c", code], check=False)
        assert killed.returncode == -signal.SIGKILL
        latest = directory.latest_checkpoint()
        assert latest is not None and (latest[1] / "weights").read_text() == "5"


def test_a_checkpoint_that_fails_leaves_the_earlier_one_and_no_rest(directory: RunDirectory) -> None:
    save(directory, 5)
    with pytest.raises(OSError, match="No space"):
        fail_to_save(directory, 10)
    assert [path.name for path in directory.checkpoints.iterdir()] == ["step-000005"]


def fail_to_save(directory: RunDirectory, step: int) -> None:
    with directory.checkpoint(step) as folder:
        (folder / "weights").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_killed_while_writing_a_checkpoint_the_earlier_one_stays_the_latest(directory: RunDirectory) -> None:
    save(directory, 5)
    code = f"""
import os, signal
from training.rlhf.rundir import RunDirectory
with RunDirectory({str(directory.path)!r}).checkpoint(10) as folder:
    (folder / "weights").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(directory.checkpoints.iterdir())) == 2
    latest = directory.latest_checkpoint()
    assert latest is not None and latest[0] == 5
    directory.open()
    assert [path.name for path in directory.checkpoints.iterdir()] == ["step-000005"]


def test_what_a_killed_save_left_is_no_output(directory: RunDirectory) -> None:
    for name in (".tmpX3fQ2a", "samples.jsonl.tmp-k2j", "adapter_config.json"):
        (directory.output / name).write_text("half")
    directory.open()
    assert [path.name for path in directory.output.iterdir()] == ["adapter_config.json"]


def test_progress_lines_are_json_even_after_a_kill_within_a_line(directory: RunDirectory) -> None:
    directory.progress(1, 10, loss=2.0, broken=float("nan"), huge=float("inf"))
    with open(directory.path / "progress.jsonl", "a") as file:
        file.write('{"time": 17')
    directory.open()
    directory.progress(2, 10)
    lines = [json.loads(line) for line in (directory.path / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert lines[0]["metrics"] == {"loss": 2.0} and lines[0]["total"] == 10


def test_the_result_names_every_output_file_with_its_sha256(directory: RunDirectory) -> None:
    (directory.output / "adapter").mkdir()
    (directory.output / "adapter" / "weights").write_bytes(b"abc")
    assert not directory.finished()
    directory.finish({"kl": 1.0}, {"kwh": None, "reason": "none"}, seconds=2.0)
    result = json.loads((directory.path / "result.json").read_text())
    assert result["files"] == {"adapter/weights": sha256_of(directory.output / "adapter" / "weights")}
    assert result["metrics"] == {"kl": 1.0} and "torch" in result["versions"]
    assert result["resumed_from"] is None
    assert directory.finished()


def test_the_result_tells_at_which_step_the_last_attempt_began(directory: RunDirectory) -> None:
    save(directory, 5)
    directory.open()
    save(directory, 10)
    directory.finish({}, {}, seconds=2.0)
    assert json.loads((directory.path / "result.json").read_text())["resumed_from"] == 5


def test_a_file_that_cannot_be_written_keeps_its_old_text(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"new": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_the_file_cancel_and_sigterm_ask_for_a_stop(directory: RunDirectory) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with directory.stopped_by_signals():
        assert not directory.cancel_requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert directory.cancel_requested()
    assert signal.getsignal(signal.SIGTERM) == before
    other = RunDirectory(directory.path)
    assert not other.cancel_requested()
    (directory.path / "cancel").touch()
    assert other.cancel_requested()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DataError("The dataset is empty."), "data"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (OSError(errno.EFBIG, "File too large"), "disk"),
        (
            SafetensorError("I/O error: No space left on device (os error 28)"),
            "disk",
        ),
        (MemoryError(), "memory"),
        (PermissionError(errno.EACCES, "Permission denied", "/run/progress.jsonl"), "file"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/run/x"), "internal"),
        (ZeroDivisionError("x"), "internal"),
    ],
)
def test_a_failure_has_a_reason_and_a_kind(directory: RunDirectory, error: Exception, kind: str) -> None:
    directory.fail(error)
    written = json.loads((directory.path / "error.json").read_text())
    assert written["kind"] == kind and written["reason"] == explain(error)[0]
    assert "\n" not in written["reason"]
