"""Runs the engine in a process of its own and watches it to its end.

    outcome = run_engine(run)  # a run that this worker claimed

The loop renews the run's lease, copies the engine's progress onto the run, and passes on a request to stop.
It loses the lease when another worker took over; then it kills its engine and writes nothing.

This is code of our own because job libraries run functions: none watches a process group by a lease and a run
directory, so that an engine can be stopped at a checkpoint and never outlives its worker.
"""

import errno
import json
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, close_old_connections

from annotator.text.storable import storable
from training.failures import reason_of, retry_write
from training.launching.engine_environment import engine_environment
from training.launching.engine_process import NO_ROOM, NOT_STARTED, EngineProcess
from training.launching.progress import last_line, log_tail
from training.models import LEASE, EngineRun, Leased, LeaseLostError, TrainingRun
from training.rlhf.stages.evaluate.recipe import JUDGE_KEY

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 1.0
RENEW_SECONDS = 10.0
# An engine stops at its next step; the first step of a large model may take minutes to reach.
TERMINATE_AFTER_SECONDS = 60.0
KILL_AFTER_SECONDS = 180.0
CANCELLED = 3
State = Leased.State


@dataclass(frozen=True)
class Outcome:
    """How an engine ended: a final state, the reason unless it succeeded, and its result if it did."""

    state: Leased.State
    error: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def run_engine(run: EngineRun) -> Outcome:
    """Run the engine of a claimed run to its end; raises LeaseLostError when the run was taken over."""
    try:
        (run.folder / "cancel").unlink(missing_ok=True)
        retry_write(run.renew)  # a worker that slept after its claim must not end its successor's engine
        with EngineProcess(run.folder, command(run), cwd=settings.BASE_DIR, env=environment(run)) as engine:
            code = _Watch(run, engine).until_the_end()
    except OSError as error:
        logger.exception("%s: the engine could not be run", run)
        return Outcome(State.FAILED, reason_of(error))
    return _outcome(run, code)


def command(run: EngineRun) -> list[str]:
    """The command line that does a run."""
    return [sys.executable, "-m", "training.rlhf", *run.arguments]


def environment(run: EngineRun) -> dict[str, str]:
    """The engine's environment; only runs that ask the judge endpoint are given its key."""
    kept = engine_environment()
    asks_judge = isinstance(run, TrainingRun) and run.recipe.get("judge") == "endpoint"
    if asks_judge and JUDGE_KEY in os.environ:
        kept[JUDGE_KEY] = os.environ[JUDGE_KEY]
    return kept


class _Watch:
    """The loop around one engine."""

    def __init__(self, run: EngineRun, engine: EngineProcess) -> None:
        self.run, self.engine = run, engine
        self.started = self.renewed = time.monotonic()
        self.unfinished_before = run.unfinished_seconds
        self.asked: float | None = None
        self.signals = [(KILL_AFTER_SECONDS, signal.SIGKILL), (TERMINATE_AFTER_SECONDS, signal.SIGTERM)]

    def until_the_end(self) -> int:
        while (code := self.engine.wait(POLL_SECONDS)) is None:
            try:
                self._renew()
                self._pass_on_cancel()
            except OperationalError:  # a database that is busy or restarting: the lease outlasts that
                logger.exception("%s: the database did not answer", self.run)
                close_old_connections()
                if time.monotonic() - self.renewed > LEASE.total_seconds():
                    raise LeaseLostError(f"{self.run} could not be renewed in time.") from None
        unfinished = self._unfinished() if code else self.unfinished_before
        progress = last_line(self.run.folder) or {}
        retry_write(partial(self.run.renew, progress=progress, unfinished_seconds=unfinished))
        return code

    def _renew(self) -> None:
        since = time.monotonic() - self.renewed
        progress = last_line(self.run.folder) or {}
        news = progress != self.run.progress and since > PROGRESS_SECONDS
        if news or since > RENEW_SECONDS:
            self.run.renew(progress=progress, unfinished_seconds=self._unfinished())
            self.renewed = time.monotonic()

    def _unfinished(self) -> float:
        """What attempts without success took, this one among them until it has ended well."""
        return self.unfinished_before + time.monotonic() - self.started

    def _pass_on_cancel(self) -> None:
        """Ask by the file first, which every engine honours after a checkpoint; then by signals."""
        if self.asked is None:
            if self.run.is_cancel_requested():
                (self.run.folder / "cancel").touch()
                self.asked = time.monotonic()
            return
        waited = time.monotonic() - self.asked
        if self.signals and waited > self.signals[-1][0]:
            self.engine.signal(self.signals.pop()[1])


def _outcome(run: EngineRun, code: int) -> Outcome:
    result = _read_json(run.folder / "result.json")
    if code == 0 and result is not None:
        return Outcome(State.SUCCEEDED, result=result)
    if run.is_cancel_requested():
        return Outcome(State.CANCELLED, "Stopped on request; what was done and saved until then is kept.")
    return Outcome(State.FAILED, _reason(run, code))


def _reason(run: EngineRun, code: int) -> str:
    """Why an engine ended without success, in words for a coordinator."""
    error = _read_json(run.folder / "error.json")
    if code == 1 and error is not None and error.get("reason"):
        return storable(str(error["reason"]))
    if code == NO_ROOM:
        return reason_of(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if code == NOT_STARTED:
        what = "The engine could not start."
    elif code == -signal.SIGKILL:
        what = "The engine was killed (signal 9); most often the machine had run out of memory."
    elif code < 0:
        what = f"The engine was killed (signal {-code})."
    elif code == CANCELLED:
        what = "The engine was stopped from outside; nobody here asked for it."
    else:
        what = f"The engine ended with code {code} and gave no reason."
    last_words = log_tail(run.folder, lines=5)
    return f"{what} Its last words:\n{last_words}" if last_words else what


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is none, or one that a database would refuse."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        # NaN, infinities and lone surrogates raise; NULs show.
        stored = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and b"\\u0000" not in stored else None
