"""Runs the sides of a comparison, each as a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LAST_WORDS = 3000


@dataclass(frozen=True)
class Ended:
    """A command that succeeded: its seconds, peak resident memory in MiB, and what it printed.

    `lines` are those of its standard output, each with the seconds from the start until it came.
    """

    seconds: float
    peak_mib: float
    lines: list[tuple[float, str]]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end; the benchmark ends with its last words if it fails."""
    settings = {**os.environ, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", **(environment or {})}
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdout is not None
        lines = [(time.perf_counter() - started, line.rstrip("\n")) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if status:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()[-_LAST_WORDS:]}")
    return Ended(seconds, usage.ru_maxrss / 1024, lines)


def free_port() -> int:
    """A port of this machine's that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_threads(number: int) -> dict[str, str]:
    """The environment that gives a process so many threads for products."""
    return {"OMP_NUM_THREADS": str(number), "MKL_NUM_THREADS": str(number)}
