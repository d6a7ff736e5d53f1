"""What a run directory tells while the engine works in it: progress lines and the log."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CURVE_BYTES = 4 * 1024 * 1024
LOG_BYTES = 8 * 1024
# Speed changes when a stage goes from one phase to the next, so the guess is made from what came last.
RECENT_STEPS = 20

Line = dict[str, Any]


def last_line(folder: Path) -> Line | None:
    """The newest whole line of progress.jsonl."""
    lines = _lines(folder, 64 * 1024)
    return lines[-1] if lines else None


def read_curve(folder: Path) -> list[Line]:
    """The lines of progress.jsonl in the order of steps; of a step done twice, the newest."""
    newest = {line["step"]: line for line in _lines(folder, CURVE_BYTES)}
    return [newest[step] for step in sorted(newest)]


def seconds_left(curve: Sequence[Line]) -> float | None:
    """How long the rest of a stage will take at its recent speed; None while that cannot be said."""
    recent = curve[-RECENT_STEPS:]
    if len(recent) < 2:
        return None
    first, last = recent[0], recent[-1]
    steps, seconds = last["step"] - first["step"], last["time"] - first["time"]
    left = last["total"] - last["step"]
    return max(1.0, left * seconds / steps) if steps > 0 and seconds > 0 else None


def log_tail(folder: Path, lines: int = 40) -> str:
    """The last lines of the engine's log."""
    return "\n".join(_tail(folder / "engine.log", LOG_BYTES).splitlines()[-lines:])


def _lines(folder: Path, limit: int) -> list[Line]:
    return [line for text in _tail(folder / "progress.jsonl", limit).splitlines() if (line := _parse(text))]


def _parse(text: str) -> Line | None:
    """A line as an object with step, total, time and metrics; None for one that is torn or something else."""
    try:
        line = json.loads(text)
        return {
            "step": int(line["step"]),
            "total": int(line["total"]),
            "time": float(line["time"]),
            "metrics": {str(name): float(value) for name, value in line["metrics"].items()},
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _tail(path: Path, limit: int) -> str:
    try:
        with open(path, "rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - limit)
            file.seek(start)
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if start else text
