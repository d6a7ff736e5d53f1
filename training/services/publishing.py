"""Copying adapters out of run directories to where versions live, complete or not at all."""

import os
import shutil
import uuid
from pathlib import Path

from annotator.errors import RefusedError
from training.models import TrainingRun
from training.models.runs import ADAPTER_WEIGHTS
from training.rlhf.rundir import sha256_of, sync_tree

# Named one by one: nothing else that a stage left in its output belongs to a version, pickles least of all.
ADAPTER_FILES = ("adapter_config.json", ADAPTER_WEIGHTS)


def publish_adapters(adapters: dict[str, TrainingRun], target: Path) -> None:
    """Copy each run's adapter to target/<name>/; the target appears with all of them, verified and synced.

    A target that an earlier attempt left without recording it is replaced.
    """
    temporary = target.with_name(f".{target.name}.tmp-{uuid.uuid4().hex}")
    try:
        for name, run in adapters.items():
            _copy(run, temporary / name)
        sync_tree(temporary)
        if target.exists():
            shutil.rmtree(target)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_tree(target)


def adapter_sha256(run: TrainingRun) -> str:
    """The checksum of the adapter's weights, as the engine reported it."""
    return _reported(run, run.adapter_dir / ADAPTER_WEIGHTS)


def _copy(run: TrainingRun, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ADAPTER_FILES:
        source = run.adapter_dir / name
        shutil.copyfile(source, folder / name)
        if sha256_of(folder / name) != _reported(run, source):
            raise RefusedError(
                f"{name} of {run} is not what the engine wrote (its checksum differs): nothing was "
                "published. Check the disk, then run a new update."
            )


def _reported(run: TrainingRun, path: Path) -> str:
    return run.result["files"].get(path.relative_to(run.folder / "output").as_posix(), "")
