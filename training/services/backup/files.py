"""The data folder's files in a backup: which, and how they are copied."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from tqdm import tqdm

from annotator.errors import RefusedError
from training.models import ModelVersion, TrainingRun

from .manifest import FOLDERS, Copied

CHUNK = 2**20
RESERVE = 64 * 2**20
"""Bytes that stay free on a disk."""


def kept_files() -> Iterator[Path]:
    """The files to keep, relative to the data folder.

    Left out is what is not finished or can be made again: checkpoints, and the weights of runs whose
    candidate was decided upon, because its version has them.
    """
    data, decided = Path(settings.DATA_DIR), _decided_runs()
    for top in FOLDERS:
        for root, folders, names in os.walk(data / top, followlinks=True):
            here = Path(root).relative_to(data)
            folders[:] = sorted(name for name in folders if _is_finished(name) and name != "checkpoints")
            for name in sorted(filter(_is_finished, names)):
                published = here.parts[:2] in decided and name.endswith(".safetensors")
                if name != "engine.lock" and not published:
                    yield here / name


def _is_finished(name: str) -> bool:
    return not name.startswith(".") and ".tmp-" not in name


def _decided_runs() -> set[tuple[str, str]]:
    runs = TrainingRun.objects.filter(update__candidate__isnull=False)
    undecided = ModelVersion.State.CANDIDATE
    numbers = runs.exclude(update__candidate__state=undecided).values_list("pk", flat=True)
    return {("runs", str(number)) for number in numbers}


def copy(source: Path, target: Path, bar: "tqdm[None]") -> Copied:
    """Copy a file to a new one, on the way with its checksum."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as old, open(target, "xb") as new:
        while chunk := old.read(CHUNK):
            new.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
    return Copied(size, digest.hexdigest())


def progress(label: str, total: int) -> "tqdm[None]":
    """A bar of bytes; none without a terminal."""
    return tqdm(total=total, desc=label, unit="B", unit_scale=True, leave=False, disable=None)


def check_space(folder: Path, needed: int) -> None:
    """Raise RefusedError if a disk has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + RESERVE:
        raise RefusedError(
            f"{folder} has room for {_mb(free)}, and it takes {_mb(needed + RESERVE)}: free some space."
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
