"""What a backup says about itself: where it is from, and the checksum of each file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from annotator.errors import RefusedError
from annotator.version import chorus_version
from training.rlhf.rundir import write_json

MANIFEST = "manifest.json"
FORMAT = 1
SECRET_KEY = "secret_key"  # noqa: S105 - the name of its file
FOLDERS = ("starters", "bases", "datasets", "models", "runs")
"""What is kept of the data folder; all else can be made again."""
DUMPS = {"sqlite": "db.sqlite3", "postgresql": "db.dump"}


@dataclass(frozen=True)
class Copied:
    """A file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`migrations` are those that the database had had, as `app.name`; `files` are by their path."""

    made_at: str
    chorus: str
    database: str
    migrations: list[str]
    files: dict[str, Copied]
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())

    @property
    def dump(self) -> str:
        """The name of the database's file."""
        return DUMPS[self.database]

    def write(self, folder: Path) -> None:
        write_json(folder / MANIFEST, asdict(self))

    def check_fits(self) -> None:
        """Raise RefusedError if this site cannot take over what the backup holds."""
        if self.database != connection.vendor:
            raise RefusedError(
                f"The backup is of a {self.database} database, and DATABASE_URL of this site names one of "
                f"{connection.vendor}: restore it to a site with {self.database}."
            )
        if unknown := sorted(set(self.migrations) - set(_known_migrations())):
            raise RefusedError(
                f"The backup was made by a newer Chorus ({self.chorus}; this one is {chorus_version()} and "
                f"does not know {', '.join(unknown[:3])}): upgrade this one first."
            )


def describe(made_at: str, files: dict[str, Copied]) -> Manifest:
    """The manifest of a backup of this site."""
    applied = MigrationRecorder(connection).applied_migrations()
    return Manifest(
        made_at=made_at,
        chorus=chorus_version(),
        database=connection.vendor,
        migrations=sorted(f"{app}.{name}" for app, name in applied),
        files=files,
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a whole backup; RefusedError when it cannot be relied on."""
    if not (folder / MANIFEST).is_file():
        raise RefusedError(f"{folder} is no backup: it has no {MANIFEST}. {_advice(folder)}".strip())
    try:
        value = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if value["format"] != FORMAT:
            raise RefusedError("The backup was made by a newer Chorus: upgrade this one first.")
        return _parsed(value)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedError(f"The {MANIFEST} in {folder} is damaged: take another backup.") from error


def _parsed(value: dict[str, Any]) -> Manifest:
    files = {name: Copied(**file) for name, file in value["files"].items()}
    manifest = Manifest(**(value | {"files": files}))
    if manifest.dump not in files or not all(map(_is_ours, files)):
        raise ValueError("other files than a backup has")
    return manifest


def _is_ours(name: str) -> bool:
    """Whether a path is one that a backup may have: none leads out of the data folder."""
    path = PurePosixPath(name)
    top_level = name in {SECRET_KEY, *DUMPS.values()}
    return top_level or (path.parts[0] in FOLDERS and not path.is_absolute() and ".." not in path.parts)


def _advice(folder: Path) -> str:
    whole = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}") if path.parent.name[0] != ".")
    return f"The newest backup in it is {folder / whole[-1]}." if whole else ""


def _known_migrations() -> Iterable[str]:
    """Those of this code, and those that its squashed ones replace."""
    for key, migration in MigrationLoader(None).disk_migrations.items():
        for app, name in (key, *migration.replaces):
            yield f"{app}.{name}"
