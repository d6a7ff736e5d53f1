"""Making a backup of the site while people use it."""

import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotator.data_folder import data_folder_in_use
from annotator.errors import RefusedError
from training.rlhf.rundir import sha256_of, sync_tree
from training.services.versions.files import put_in_place

from .databases import database_size, dump_database
from .files import check_space, copy, kept_files, progress
from .manifest import MANIFEST, SECRET_KEY, Copied, describe

UNFINISHED = ".unfinished-"
LEFT_AFTER = 24 * 60 * 60
"""Seconds after which an unfinished folder was left by a backup that is no more."""


def make_backup(*, folder: Path, keep: int | None = None, with_secret_key: bool = False) -> Path:
    """Write a backup as a new folder in `folder`, complete or not at all; returns the new folder.

    The database comes first, then the files that its rows name, which do not change once they are there.
    `keep` is how many of the backups in `folder` stay. Raises RefusedError.
    """
    if with_secret_key and not (Path(settings.DATA_DIR) / SECRET_KEY).is_file():
        raise RefusedError(
            "There is no file secret_key: the key is CHORUS_SECRET_KEY, which is yours to keep."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > LEFT_AFTER:
            shutil.rmtree(left)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        with data_folder_in_use():
            made = _write(unfinished, [Path(SECRET_KEY)] if with_secret_key else [])
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if keep is not None:
        for old in sorted(path.parent for path in folder.glob(f"chorus-*/{MANIFEST}"))[:-keep]:
            shutil.rmtree(old)
    return made


def _write(unfinished: Path, names: list[Path]) -> Path:
    data, now = Path(settings.DATA_DIR), timezone.now()
    check_space(unfinished.parent, database_size() + _size(data, [*names, *kept_files()]))
    dump = dump_database(unfinished)
    files = {dump.name: Copied(dump.stat().st_size, sha256_of(dump))}
    names = [*names, *kept_files()]  # what the database names by now
    with progress("Backup", _size(data, names)) as bar:
        for name in names:
            with suppress(FileNotFoundError):  # a run that is under way clears up
                files[name.as_posix()] = copy(data / name, unfinished / name, bar)
    describe(now.isoformat(), files).write(unfinished)
    sync_tree(unfinished)
    made = unfinished.with_name(f"chorus-{now:%Y-%m-%dT%H-%M-%SZ}")
    put_in_place(unfinished, made)
    return made


def _size(data: Path, names: Iterable[Path]) -> int:
    total = 0
    for name in names:
        with suppress(FileNotFoundError):
            total += (data / name).stat().st_size
    return total
