"""The progress bar: there for whoever looks at a terminal, and nowhere else."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

Make = Callable[..., Path]
REPORT = """
from pathlib import Path
from training.rlhf.rundir import RunDirectory
import sys
directory = RunDirectory(Path(sys.argv[1]))
directory.recipe()
with directory.shown_in_terminal():
    for step in range(3, 6):
        directory.progress(step, 5, seconds=1.0, kl=0.25 * step, score=2.0, entropy=9.0)
"""


def report(folder: Path, stderr: int) -> None:
    """Three steps of a run that resumed at the third, shown on this standard error."""
    subprocess.run([sys.executable, "-c", REPORT, str(folder)], stderr=stderr, check=True)


def read_all(handle: int) -> str:
    shown = b""
    while True:
        try:
            part = os.read(handle, 4096)
        except OSError:  # how Linux says that the other end is closed
            part = b""
        if not part:
            return shown.decode()
        shown += part


def test_a_terminal_sees_stage_step_time_left_and_metrics(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    reader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    report(make_run(ppo_settings), terminal)
    os.close(terminal)
    shown = read_all(reader)
    os.close(reader)
    last = shown.strip().split("\r")[-1]
    assert last.startswith("ppo: 100%") and "5/5" in last
    assert "score=2, kl=1.25" in last and "entropy" not in last
    assert re.search(r"4/5 \[\d\d:\d\d<\d\d:\d\d", shown)  # time gone and time left


def test_a_file_gets_no_bar(ppo_settings: dict[str, Any], make_run: Make, tmp_path: Path) -> None:
    folder = make_run(ppo_settings)
    with open(tmp_path / "log", "w") as log:
        report(folder, log.fileno())
    assert (tmp_path / "log").read_text() == ""
    steps = [json.loads(line)["step"] for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert steps == [3, 4, 5]
