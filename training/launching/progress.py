"""Reading a run directory while the engine works in it: progress lines, sampled answers and the log."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CURVE_BYTES = 4 * 1024 * 1024
LOG_BYTES = 8 * 1024
SAMPLES_BYTES = 256 * 1024
MOST_STEPS = 2**53  # beyond it, a number is no longer exact in a browser
# Speed changes when a stage goes from one phase to the next, so the guess is made from what came last.
RECENT_STEPS = 20

Line = dict[str, Any]


@dataclass(frozen=True)
class SampledAnswer:
    """An answer of a policy that is being trained, with the reward model's score of it."""

    step: int
    prompt_id: str
    text: str
    score: float
    finished: bool


def last_line(folder: Path) -> Line | None:
    """The newest whole line of progress.jsonl."""
    lines = _lines(folder, 64 * 1024)
    return lines[-1] if lines else None


def read_curve(folder: Path) -> list[Line]:
    """The lines of progress.jsonl in the order of steps; of a step done twice, the newest."""
    newest = {line["step"]: line for line in _lines(folder, CURVE_BYTES)}
    return [newest[step] for step in sorted(newest)]


def seconds_left(curve: Sequence[Line]) -> float | None:
    """How long the rest of a stage will take at its recent speed; None while too little is known."""
    recent = curve[-RECENT_STEPS:]
    if len(recent) < 2:
        return None
    first, last = recent[0], recent[-1]
    steps, seconds = last["step"] - first["step"], last["time"] - first["time"]
    left = last["total"] - last["step"]
    return max(1.0, left * seconds / steps) if steps > 0 and seconds > 0 else None


def read_samples(folder: Path) -> list[SampledAnswer]:
    """The answers that PPO kept for people to read, in the order of steps; a torn line is left out."""
    lines = _tail(folder / "output" / "samples.jsonl", SAMPLES_BYTES).splitlines()
    return [sample for line in lines if (sample := _sample(line))]


def error_kind(folder: Path) -> str:
    """Of which kind the error was that the engine ended with, by its own words; empty for none."""
    try:
        error = json.loads((folder / "error.json").read_text(encoding="utf-8"))
        return str(error["kind"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def log_tail(folder: Path, lines: int = 40) -> str:
    """The last lines of the engine's log, without NUL, which databases do not take."""
    text = _tail(folder / "engine.log", LOG_BYTES).replace("\0", "\ufffd")
    return "\n".join(text.splitlines()[-lines:])


def _lines(folder: Path, limit: int) -> list[Line]:
    return [line for text in _tail(folder / "progress.jsonl", limit).splitlines() if (line := _parse(text))]


def _parse(text: str) -> Line | None:
    """A line as an object with step, total, time and metrics; None for one that is torn or something else.

    Only finite numbers with printable names are kept: databases and browsers take no others.
    """
    try:
        line = json.loads(text)
        step, total, time = int(line["step"]), int(line["total"]), float(line["time"])
        metrics = {name: float(value) for name, value in line["metrics"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    if not (math.isfinite(time) and 0 <= step < MOST_STEPS and 0 <= total < MOST_STEPS):
        return None
    kept = {name: value for name, value in metrics.items() if name.isprintable() and math.isfinite(value)}
    return {"step": step, "total": total, "time": time, "metrics": kept}


def _sample(text: str) -> SampledAnswer | None:
    try:
        row = json.loads(text)
        step, score = int(row["step"]), float(row["score"])
        prompt_id, answer, finished = row["prompt_id"], row["text"], row["finished"]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    if not (isinstance(prompt_id, str) and isinstance(answer, str) and math.isfinite(score)):
        return None
    return SampledAnswer(step, prompt_id, answer, score, bool(finished)) if 0 <= step < MOST_STEPS else None


def _tail(path: Path, limit: int) -> str:
    try:
        with open(path, "rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - limit)
            file.seek(start)
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if start else text
