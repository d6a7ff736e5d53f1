"""Progress bars in a terminal for engine runs, read from their run directories."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tqdm import tqdm

from training.launching.progress import last_line


@contextmanager
def progress_bars(runs: Path) -> Iterator[None]:
    """While the block runs, show a bar for whichever run below `runs` is newest; none without a terminal."""
    with _beside(partial(_watch_newest, runs)):
        yield


@contextmanager
def progress_bar(run: Path, label: str) -> Iterator[None]:
    """While the block runs, show a bar for one run directory; none without a terminal."""
    with _beside(partial(_watch, run, label)):
        yield


@contextmanager
def _beside(watch: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(stop,), daemon=True)
    if sys.stderr.isatty():
        watcher.start()
    try:
        yield
    finally:
        stop.set()
        if watcher.is_alive():
            watcher.join()


def _watch(run: Path, label: str, stop: threading.Event) -> None:
    began, bar = time.time(), None
    while not stop.wait(0.3):
        line = last_line(run)
        if line is None or line["time"] < began:  # of an earlier attempt
            continue
        if bar is None:
            bar = tqdm(total=line["total"], desc=label)
        bar.update(line["step"] - bar.n)
    _close(bar)


def _watch_newest(runs: Path, stop: threading.Event) -> None:
    earlier = _newest(runs)
    current, bar = earlier, None
    while not stop.wait(0.3):
        newest = _newest(runs)
        if newest != current:
            _close(bar)
            current, bar = newest, None
        line = last_line(runs / str(current)) if current != earlier else None
        if line is None:
            continue
        if bar is None:
            bar = tqdm(total=line["total"], desc=_stage(runs / str(current)))
        bar.update(line["step"] - bar.n)
    _close(bar)


def _newest(runs: Path) -> int:
    numbers = [int(folder.name) for folder in runs.glob("*") if folder.name.isdigit()]
    return max(numbers, default=0)


def _stage(run: Path) -> str:
    return str(json.loads((run / "recipe.json").read_text(encoding="utf-8"))["stage"])


def _close(bar: "tqdm[None] | None") -> None:
    if bar is not None:
        bar.close()
