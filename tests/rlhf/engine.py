"""The engine as a process that has no libraries to load: it is forked from one that has them all.

To import torch, transformers and trl takes a processor five seconds. What a forked engine does with signals,
limits and files, and its exit status, are those of `python -m training.rlhf`, which test_command starts too.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from training.rlhf.__main__ import main
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES

LONGEST = 120
_context = get_context("forkserver")
_context.set_forkserver_preload(
    ["codecarbon", "training.rlhf.model_card", *(stage.module for stage in STAGES.values())]
)


def fork(act: Callable[..., object], *arguments: Any) -> BaseProcess:
    """A function of a module at work in a process of its own."""
    process = _context.Process(target=act, args=arguments, daemon=True)
    process.start()
    return process


def start(
    stage: str, folder: Path, *, log: Path | None = None, env: dict[str, str] | None = None
) -> BaseProcess:
    """The engine at work in a run directory; what it prints is appended to a file."""
    return fork(work, stage, str(folder), str(log or log_of(folder)), env)


def work(stage: str, folder: str, log: str, env: dict[str, str] | None = None) -> None:
    """What `start` does in the new process, which it ends."""
    run_command([stage, folder], log, env)


def run_command(arguments: list[str], log: str, env: dict[str, str] | None = None) -> None:
    """Do what `python -m training.rlhf` does with these arguments, and end the process."""
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.exit(main(arguments))


def ask(arguments: list[str]) -> tuple[int, str, str]:
    """The engine's command to its end: its exit status, and what it printed to each stream."""
    with TemporaryDirectory() as scratch:
        files = [Path(scratch) / name for name in ("out", "err")]
        status = status_of(fork(_answer, arguments, *map(str, files)))
        return status, *(file.read_text() for file in files)


def _answer(arguments: list[str], out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.exit(main(arguments))


def kill_after_checkpoint(stage: str, folder: Path, step: int) -> None:
    """Let the engine work in a run directory until it is killed just after this checkpoint."""
    assert status_of(fork(_work_until_checkpoint, stage, str(folder), step)) == -signal.SIGKILL


def _work_until_checkpoint(stage: str, folder: str, last: int) -> None:
    checkpoint = RunDirectory.checkpoint

    @contextmanager
    def killing(directory: RunDirectory, step: int) -> Iterator[Path]:
        with checkpoint(directory, step) as place:
            yield place
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    RunDirectory.checkpoint = killing  # type: ignore[method-assign]
    work(stage, folder, str(log_of(Path(folder))))


def log_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")


def status_of(process: BaseProcess) -> int:
    """Wait for its end; returns its exit status, or less the signal that killed it."""
    process.join(LONGEST)
    assert process.exitcode is not None
    return process.exitcode


def wait_until(condition: Callable[[], object], process: BaseProcess) -> None:
    """Wait for something that the process does before it ends."""
    while not condition():
        assert process.exitcode is None, f"it ended with {process.exitcode}"
        time.sleep(0.005)


def wait_for_checkpoint(process: BaseProcess, folder: Path) -> None:
    wait_until(lambda: list((folder / "checkpoints").glob("step-??????")), process)


class ForkedEngine:
    """In the place of the launcher's `EngineProcess`, without its lock and its low priority."""

    def __init__(self, folder: Path, command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> None:
        assert command[:3] == [sys.executable, "-m", "training.rlhf"]
        # Plain texts: the site's own kinds of them would be read where no site is.
        arguments = [str(argument) for argument in command[3:]]
        self._process = fork(run_command, arguments, str(folder / "engine.log"), env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self._process.pid or 0, number)
