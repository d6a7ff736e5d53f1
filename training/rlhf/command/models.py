"""Work on a base model or an adapter that is no stage: check, unpack, measure, export."""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.rlhf.command.environment import prepare_libraries
from training.rlhf.command.outcome import CANCELLED, FAILED, OK, report, say
from training.rlhf.errors import Cancelled
from training.rlhf.rundir import RunDirectory, write_json


def check(name: str, *, as_json: bool) -> int:
    """Print what is known of a base model, and what is wrong with it."""
    prepare_libraries(Path(name))
    from training.rlhf.model.base_check import check_base  # torch takes seconds to import

    report = check_base(name, Path.cwd())
    found = report.to_dict()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{key:16} {value}" for key, value in found.items() if key not in ("ok", "problems")))
        for problem in report.problems:
            print(problem, file=sys.stderr)
    return FAILED if report.problems else OK


def unpack(file: Path, folder: Path, run_dir: Path | None) -> int:
    """Make a base model of a GGUF file."""
    prepare_libraries(file)

    def unpack(directory: RunDirectory) -> dict[str, Any]:
        from training.rlhf.model.unpacking import unpack_gguf  # torch takes seconds to import

        return unpack_gguf(file.absolute(), folder.absolute(), directory)

    status = _in_directory(run_dir, unpack)
    if status == OK:
        print(f"{folder} holds the base model, unpacked from {file}.")
    return status


def measure(name: str, prompts: Path, out: Path) -> int:
    """Write the lengths of prompts under a base model's chat template."""
    prepare_libraries(Path(name))
    from training.rlhf.data.prompt_lengths import measure_prompts  # torch takes seconds to import
    from training.rlhf.model.loading import find_base

    try:
        measure_prompts(find_base(name, Path(name)), prompts, out)
    except Exception as error:  # noqa: BLE001 - as for a run, see printed
        return say(error)
    return OK


def export(name: str, folder: Path, adapter: Path | None, run_dir: Path | None) -> int:
    """Write a model as GGUF, and print where."""
    prepare_libraries(Path(name))

    def write(_directory: RunDirectory) -> dict[str, Any]:
        from training.rlhf.export.command import export  # torch takes seconds to import

        written = export(name, folder, adapter, scratch=run_dir)
        print(json.dumps(written))
        return dict(written)

    return _in_directory(run_dir, write)


def _in_directory(run_dir: Path | None, act: Callable[[RunDirectory], dict[str, Any]]) -> int:
    """Do what has no recipe; progress, result and failure are also left in the run directory, if any."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(run_dir or scratch)
        with directory.stopped_by_signals(), directory.shown_in_terminal():
            try:
                (directory.path / "error.json").unlink(missing_ok=True)
                write_json(directory.path / "result.json", act(directory))
            except Cancelled:
                return CANCELLED
            except Exception as error:  # noqa: BLE001 - every failure must reach error.json
                return report(directory, error)
    return OK
