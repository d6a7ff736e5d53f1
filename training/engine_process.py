"""The engine as a process: in a group of its own, at low priority, and never outliving its worker.

A lock on RUN_DIR/engine.lock is inherited by the engine, so that no two engines work in one run directory:
whoever finds it held ends the engine that holds it first. Standard library only, because the child passes
through here:

    python -m training.engine_process PARENT_PID COMMAND…
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES = 10
LOCK_SECONDS = 30
PR_SET_PDEATHSIG = 1


class EngineProcess:
    """A running command whose output is appended to RUN_DIR/engine.log; leaving the block kills it."""

    def __init__(self, folder: Path, command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> None:
        self._lock = _take_lock(folder / "engine.lock")
        with ExitStack() as on_failure:
            on_failure.callback(self._lock.close)
            with open(folder / "engine.log", "ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "training.engine_process", str(os.getpid()), *command],
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=[self._lock.fileno()],
                )
            on_failure.callback(self.end)  # on a full disk the engine starts and its pid cannot be written
            os.write(self._lock.fileno(), str(self._process.pid).encode())
            on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self._lock.close()

    def wait(self, seconds: float) -> int | None:
        """The exit code (negative: the signal that killed it), or None if it still runs after the time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            self.signal(signal.SIGKILL)  # what the engine started must not outlive it
        return self._process.returncode

    def end(self) -> None:
        """Kill the engine and everything it started, unless it has ended."""
        if self._process.returncode is None:
            self.signal(signal.SIGKILL)
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _take_lock(path: Path) -> IO[str]:
    """Lock the run directory, ending an engine that a stalled worker left at work in it."""
    lock = open(path, "a+")  # noqa: SIM115 - held for as long as the engine lives
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise
            _kill_holder(path)
            time.sleep(0.1)
        else:
            lock.truncate(0)  # at once: nobody may take the pid of an earlier engine for this one's
            return lock


def _kill_holder(path: Path) -> None:
    # The pid is current: whoever takes the lock empties the file, then writes the pid of its own engine.
    if (pid := path.read_text()).isdigit():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(pid), signal.SIGKILL)


def become(parent: int, command: list[str]) -> None:
    """Turn this process into the command, to be killed by the kernel when the parent ends."""
    _lower_priority()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the command is the launcher's own


def _lower_priority() -> None:
    """Lower the priority of this process and of its session."""
    os.nice(NICENESS)
    # Linux may share out processors among sessions first (sched(7), "The autogroup feature"). Alone in its
    # session, an engine would then have as much of them as the site, however low its own priority.
    for _ in range(AUTOGROUP_TRIES):
        try:
            AUTOGROUP.write_text(str(NICENESS))
            return
        except BlockingIOError:  # the kernel takes one such change every tenth of a second
            time.sleep(0.1)
        except OSError:  # there is no such feature
            return


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
