"""The engine as a process: in a group of its own, at low priority, and never outliving its worker.

The engine holds a lock on RUN_DIR/engine.lock, so that no two engines work in one run directory: whoever
finds it held ends the engine that holds it first. The worker never has the lock itself: one that was stopped
(SIGSTOP, a frozen container) could not give it back. Standard library only, because the child passes through
here, to take the lock and then become the engine:

    python -m training.launching.engine_process PARENT_PID LOCK DEADLINE COMMAND…
"""

import ctypes
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES = 10
# Less than a lease: who gets the lock is no worker that others have replaced meanwhile.
LOCK_SECONDS = 30
NO_ROOM, NOT_STARTED = 4, 5
PR_SET_PDEATHSIG = 1


class EngineProcess:
    """A running command whose output is appended to RUN_DIR/engine.log; leaving the block kills it."""

    def __init__(self, folder: Path, command: Sequence[str], *, cwd: Path, env: dict[str, str]) -> None:
        start = [str(os.getpid()), str(folder / "engine.lock"), str(time.monotonic() + LOCK_SECONDS)]
        with open(folder / "engine.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "training.launching.engine_process", *start, *command],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

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


def become(parent: int, lock: Path, deadline: float, command: list[str]) -> None:
    """Turn this process into the command, to be killed by the kernel when the parent ends."""
    _lower_priority()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    try:
        held = take_lock(lock, deadline)
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(NO_ROOM if error.errno == errno.ENOSPC else NOT_STARTED)
    os.set_inheritable(held, True)
    os.execv(command[0], command)  # noqa: S606 - the command is the launcher's own


def take_lock(path: Path, deadline: float) -> int:
    """The locked file, with this process's name in it, after ending an engine that still held it.

    `deadline` is one of `time.monotonic`. BlockingIOError when the lock is held until then, or when it had
    passed before: then this process's worker may have been replaced, and the engine be its successor's.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _kill(_read(lock))
            time.sleep(0.1)
        else:
            os.ftruncate(lock, 0)  # at once: nobody may take the pid of an earlier engine for this one's
            os.pwrite(lock, f"{os.getpid()} {_started(os.getpid())} {socket.gethostname()}".encode(), 0)
            return lock
    raise BlockingIOError(errno.EAGAIN, f"It is not sure that no other engine is at work here: {_read(lock)}")


def _read(lock: int) -> str:
    return os.pread(lock, 1000, 0).decode()


def _kill(name: str) -> None:
    """Kill the engine that took the lock by this name, with all it started, if it is on this host."""
    match name.split(" "):
        case [pid, started, host] if host == socket.gethostname() and _started(int(pid)) in {"", started}:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(int(pid), signal.SIGKILL)


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty for one that has gone, and without /proc.

    The children of an engine that has gone keep its number as their group's, so no other process has it.
    """
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


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
    become(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
