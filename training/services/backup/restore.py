"""Putting a backup in the place of what the site holds."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from annotator.data_folder import data_folder_alone
from annotator.errors import RefusedError
from annotator.models import User
from ranking.models import Dataset, Judgment
from training.models import ModelVersion

from .databases import load_database, swap
from .files import check_space, copy, progress
from .manifest import FOLDERS, SECRET_KEY, Manifest, read_manifest


@dataclass(frozen=True)
class Restored:
    """What a restored site holds and lacks, and the name under which what was there before is kept."""

    aside: str | None
    counts: dict[str, int]
    missing: list[str]


def restore_backup(*, folder: Path) -> Restored:
    """Put a backup in the place of the site's database and files, which are moved aside, and migrate it.

    Everything is checked before anything is moved, and whatever goes wrong after that takes the moves back.
    Raises RefusedError, also while the site runs.
    """
    manifest = read_manifest(folder)
    manifest.check_fits()
    data = Path(settings.DATA_DIR)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = data / f"before-restore-{timezone.now():%Y-%m-%dT%H-%M-%S-%f}"
    with data_folder_alone(), tempfile.TemporaryDirectory(prefix=".restore-", dir=data) as scratch:
        check_space(data, manifest.bytes)
        staged = Path(scratch)
        _copy_checked(folder, manifest, staged)
        with ExitStack() as undo:
            for name in FOLDERS:
                swap(staged / name, data / name, aside, undo)
            if SECRET_KEY in manifest.files:
                swap(staged / SECRET_KEY, data / SECRET_KEY, aside, undo)
            load_database(staged / manifest.dump, aside, undo)
            call_command("migrate", interactive=False, verbosity=0)
            kept = aside.is_dir() or connection.vendor == "postgresql"
            restored = Restored(aside.name if kept else None, _counts(), _missing())
            undo.pop_all()
    return restored


def _copy_checked(folder: Path, manifest: Manifest, staged: Path) -> None:
    """Copy every file of a backup; RefusedError names the first that is not what was written."""
    with progress("Restore", manifest.bytes) as bar:
        for name, written in manifest.files.items():
            try:
                found = copy(folder / name, staged / name, bar)
            except FileNotFoundError:
                raise RefusedError(f"The backup is damaged: {name} is missing.") from None
            if found != written:
                raise RefusedError(f"The backup is damaged: {name} has another checksum than was written.")


def _counts() -> dict[str, int]:
    rows = {
        "people": User.objects,
        "judgments": Judgment.objects,
        "datasets": Dataset.objects,
        "versions": ModelVersion.objects,
    }
    return {name: each.count() for name, each in rows.items()}


def _missing() -> list[str]:
    """The folders of datasets and versions that are not there."""
    folders = [each.folder for each in Dataset.objects.select_related("project")]
    versions = ModelVersion.objects.filter(files_deleted_at=None)
    folders += [each.adapter_dir for each in versions if each.adapter_dir is not None]
    return [str(folder) for folder in folders if not folder.is_dir()]
