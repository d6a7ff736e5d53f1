"""The run directory: all that a stage reads and writes.

    RUN_DIR/
      recipe.json      what to do (see `recipes`)
      progress.jsonl   appended: time, stage, step, total, metrics
      checkpoints/     step-000010/ …: complete or absent
      output/          what the stage produces; README.md is the card of what sft, reward and ppo trained
      result.json      written last; its presence means success
      error.json       why the last attempt failed: reason, kind
      cancel           its presence asks the stage to stop: sft, reward and ppo at their next step, after a
                       checkpoint; generate and evaluate, which start anew, after a batch

A stage that resumes repeats steps after its checkpoint, so readers of progress.jsonl take the last line of a
step.

result.json holds stage, metrics, seconds, energy, device and gpu_peak_bytes (see `hardware.device`),
resumed_from, versions of libraries and files (the sha256 of every output file). `seconds` and `energy` are
those of the attempt that succeeded; `resumed_from` is the step of the checkpoint it began at, null when it
did all the work itself.
"""

import hashlib
import json
import math
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Any

from training.rlhf.errors import Cancelled, ProcessError, RecipeError, explain
from training.rlhf.progress_bar import ProgressBar
from training.rlhf.recipes import DatasetFile, Recipe
from training.rlhf.stages import parse_recipe

LIBRARIES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "scikit-learn",
    "codecarbon",
)
KEEP_CHECKPOINTS = 2
_CHECKPOINT = re.compile(r"step-(\d{6,})")


class RunDirectory:
    """One run's files; the only place where a stage touches the disk outside its model and data inputs."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.output = self.path / "output"
        self.checkpoints = self.path / "checkpoints"
        self.resumed_from: int | None = None
        self._terminated = False
        self._recipe: Recipe | None = None
        self._bar: ProgressBar | None = None

    def recipe(self) -> Recipe:
        """The recipe of this run; RecipeError when it is missing or wrong."""
        try:
            text = (self.path / "recipe.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"The run directory has no readable recipe.json: {error}.") from error
        self._recipe = parse_recipe(text)
        return self._recipe

    def resolve(self, path: str) -> Path:
        """A path of the recipe; a relative one starts at the run directory."""
        return self.path / path

    def open(self) -> None:
        """Make the directories ready for an attempt and clear what a killed one left half-written."""
        self.output.mkdir(parents=True, exist_ok=True)
        self.checkpoints.mkdir(exist_ok=True)
        for stale in self.checkpoints.glob("*.tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)
        # The second is what safetensors writes to before it renames.
        for stale in (*self.path.glob("*.tmp-*"), *self.output.glob(".tmp*"), *self.output.glob("*.tmp-*")):
            if stale.is_file():
                stale.unlink()
        (self.path / "error.json").unlink(missing_ok=True)
        self._cut_torn_line()
        latest = self.latest_checkpoint()
        self.resumed_from = latest[0] if latest else None

    def finished(self) -> bool:
        """Whether an earlier attempt succeeded, so that there is nothing to do."""
        return (self.path / "result.json").exists()

    # Progress and cancelling

    @property
    def _stage(self) -> str:
        return self._recipe.stage if self._recipe else ""

    @contextmanager
    def shown_in_terminal(self) -> Iterator[None]:
        """Show progress as a bar, too, where standard error is a terminal."""
        self._bar = ProgressBar()
        try:
            yield
        finally:
            self._bar.close()
            self._bar = None

    def progress(self, step: int, total: int, **metrics: float) -> None:
        """Append one line to progress.jsonl; metrics that are not finite are left out."""
        numbers = {name: float(value) for name, value in metrics.items()}
        line = {
            "time": time.time(),
            "stage": self._stage,
            "step": step,
            "total": total,
            "metrics": {name: value for name, value in numbers.items() if math.isfinite(value)},
        }
        with open(self.path / "progress.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._bar is not None:
            self._bar.show(self._stage, step, total, numbers)

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Let SIGTERM, and Ctrl-C once, ask for the same orderly stop as the file `cancel`."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def remember(number: int, _frame: FrameType | None) -> None:
            self._terminated = True
            if number == signal.SIGINT:  # whoever is in a hurry asks twice
                signal.signal(signal.SIGINT, signal.default_int_handler)

        try:
            for number in before:
                signal.signal(number, remember)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def cancel_requested(self) -> bool:
        """Whether the stage should checkpoint and raise Cancelled at its next step."""
        return self._terminated or (self.path / "cancel").exists()

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled when a stop was requested; for stages that have nothing to checkpoint."""
        if self.cancel_requested():
            raise Cancelled

    # Checkpoints

    @contextmanager
    def checkpoint(self, step: int) -> Iterator[Path]:
        """Give a folder to fill; it becomes the checkpoint of `step` only once all of it is on the disk.

        A kill or an error before that leaves the earlier checkpoints as they were, and so does a step that
        has its checkpoint: doing it again gives the same. The last two are kept.
        """
        final = self.checkpoints / f"step-{step:06d}"
        temporary = Path(tempfile.mkdtemp(prefix=f"{final.name}.tmp-", dir=self.checkpoints))
        try:
            yield temporary
            if not final.exists():
                sync_tree(temporary)
                temporary.rename(final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        sync(self.checkpoints)
        for _, old in self._complete_checkpoints()[:-KEEP_CHECKPOINTS]:
            shutil.rmtree(old)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """Step and folder of the newest complete checkpoint."""
        complete = self._complete_checkpoints()
        return complete[-1] if complete else None

    def _complete_checkpoints(self) -> list[tuple[int, Path]]:
        if not self.checkpoints.is_dir():
            return []
        matches = ((_CHECKPOINT.fullmatch(path.name), path) for path in self.checkpoints.iterdir())
        return sorted((int(match[1]), path) for match, path in matches if match)

    # The end

    def finish(
        self, metrics: dict[str, Any], energy: dict[str, Any], seconds: float, **used: int | str | None
    ) -> None:
        """Write result.json, as the module describes it; `used` describes the device."""
        sync_tree(self.output)
        result = {
            "stage": self._stage,
            "metrics": metrics,
            "seconds": seconds,
            "energy": energy,
            **used,
            "resumed_from": self.resumed_from,
            "versions": _library_versions(),
            "files": {
                path.relative_to(self.output).as_posix(): sha256_of(path)
                for path in sorted(self.output.rglob("*"))
                if path.is_file()
            },
        }
        write_json(self.path / "result.json", result)

    def fail(self, error: BaseException) -> str:
        """Write error.json for an attempt that ended in `error`; returns the reason.

        A process that failed because another one ended leaves the reason that the other gave.
        """
        reason, kind = explain(error, vars(self._recipe) if self._recipe else None)
        reason = reason.encode("utf-8", "backslashreplace").decode()  # a file's name may be no Unicode
        path = self.path / "error.json"
        if not (isinstance(error, ProcessError) and path.exists()):
            write_json(path, {"reason": reason, "kind": kind})
        return reason

    def _cut_torn_line(self) -> None:
        """Drop what a killed attempt wrote of a line, so that every line of progress.jsonl is JSON."""
        path = self.path / "progress.jsonl"
        if not path.exists():
            return
        written = path.read_bytes()
        if not written.endswith(b"\n"):
            os.truncate(path, written.rfind(b"\n") + 1)


def create_run(path: str | Path, recipe: Recipe) -> RunDirectory:
    """Make a run directory with its recipe; a directory that exists keeps everything else."""
    directory = RunDirectory(path)
    directory.path.mkdir(parents=True, exist_ok=True)
    write_text(directory.path / "recipe.json", recipe.to_json())
    return directory


def dataset_file(path: str | Path) -> DatasetFile:
    """The recipe's entry for a dataset file as it is now."""
    return DatasetFile(str(path), sha256_of(Path(path)))


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: readers see the old file or the whole new one."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.tmp-", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync(path.parent)


def sync_tree(folder: Path) -> None:
    """Force every file and folder under `folder` to the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def publish_folder(made: Path, folder: Path) -> None:
    """Give a finished folder its name, on the same disk, once all of it is on the disk."""
    sync_tree(made)
    made.rename(folder)
    sync(folder.parent)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _library_versions() -> dict[str, str]:
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
