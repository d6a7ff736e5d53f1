"""How a command ends: its exit status, and what is said of a failure."""

import os
import sys
import traceback

from training.rlhf.errors import UNEXPECTED, explain, no_space_left
from training.rlhf.rundir import RunDirectory

OK, FAILED, CANCELLED, NO_ROOM = 0, 1, 3, 4


def report(directory: RunDirectory, error: Exception) -> int:
    """Write why an attempt failed to error.json and to the log; returns the exit status."""
    status = FAILED
    try:
        reason = directory.fail(error)
    except OSError as second:
        reason = f"{explain(error)[0]} (And error.json could not be written: {second}.)"
        status = NO_ROOM if no_space_left(second) else FAILED
    try:
        print(printed(error, reason), file=sys.stderr, flush=True)
    except OSError:
        # The log lies on the same full disk. What is left of it in a buffer must not change the exit status.
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return status


def say(error: Exception) -> int:
    """Print a failure that no run directory keeps; returns the exit status."""
    print(printed(error, explain(error)[0]), file=sys.stderr)
    return FAILED


def printed(error: Exception, reason: str) -> str:
    """What to print of a failure: where it happened only helps when it is the engine's fault."""
    is_ours = explain(error)[1] == UNEXPECTED
    return "".join(traceback.format_exception(error)) + reason if is_ours else reason
