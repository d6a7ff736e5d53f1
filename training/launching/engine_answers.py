"""Asking the engine what it can tell at once: `plan`, `check` and `measure` need no run directory."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from training.launching.engine_environment import engine_environment
from training.launching.engine_process import NICENESS

LONGEST_SECONDS = 15 * 60
"""A base model of the hub may have to be fetched first."""
BEAT_SECONDS = 10.0
_LAST_WORDS = 500


class EngineAnswer(NamedTuple):
    """The exit status of the engine's command, and what it printed to each stream."""

    status: int
    printed: str
    said: str

    @property
    def last_words(self) -> str:
        """Why there is no answer, as far as the engine said it."""
        return self.said.strip()[-_LAST_WORDS:] or f"The engine ended with code {self.status}."


def ask_engine(
    arguments: Sequence[str], *, reach_hub: bool = False, beat: Callable[[], object] = lambda: None
) -> EngineAnswer:
    """Run the engine's command to its end, for a quarter of an hour at most; `beat` is called meanwhile.

    It need not reach the hub for a project's base model, which was fetched when the project was founded.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "training.rlhf", *arguments],
        cwd=settings.BASE_DIR,
        env=engine_environment() | ({} if reach_hub else {"HF_HUB_OFFLINE": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as engine:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, engine.pid, NICENESS)  # ranking stays quick
        try:
            for _ in range(int(LONGEST_SECONDS / BEAT_SECONDS)):
                try:
                    printed, said = engine.communicate(timeout=BEAT_SECONDS)
                    return EngineAnswer(engine.returncode, printed, said)
                except subprocess.TimeoutExpired:
                    beat()
        finally:
            engine.kill()
    return EngineAnswer(-1, "", f"The engine took longer than {LONGEST_SECONDS // 60} minutes.")
