"""The database in a backup: one file, consistent while people write."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

from django.db import connection

from annotator.errors import RefusedError

from .manifest import DUMPS


def database_size() -> int:
    """About how many bytes it has."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def dump_database(folder: Path) -> Path:
    """Write what the database holds at this moment to a file, and see that the file is whole."""
    dump = folder / DUMPS[connection.vendor]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(dump)])
        _check_sqlite(dump)
    else:
        _run("pg_dump", "--format=custom", f'--schema="{_schema()}"', f"--file={dump}")
    return dump


def load_database(dump: Path, aside: Path, undo: ExitStack) -> None:
    """Put the dump in the place of the site's database, which steps aside; `undo` puts it back."""
    if connection.vendor == "sqlite":
        place = Path(connection.settings_dict["NAME"])
        connection.close()
        # With the files that SQLite keeps beside it: another database's make the restored one "malformed".
        for beside in ("-wal", "-shm", "-journal"):
            swap(None, place.with_name(place.name + beside), aside, undo)
        swap(dump, place, aside, undo)
        undo.callback(connection.close)  # first of all: closing, SQLite deletes the -wal beside its file
    else:
        _replace_schema(_schema(), aside.name, undo)
        schema, name = _schema(), connection.settings_dict["NAME"]
        options = ["--no-owner", "--no-privileges", "--single-transaction", f"--schema={schema}"]
        _run("pg_restore", *options, str(dump), "--dbname", str(name))


def swap(new: Path | None, place: Path, aside: Path, undo: ExitStack) -> None:
    """Move what is at `place` to the folder `aside`, and `new` to its place; `undo` moves both back."""
    for source, target in ((place, aside / place.name), (new, place)):
        if source is not None and os.path.lexists(source):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
            undo.callback(shutil.move, target, source)


def _check_sqlite(dump: Path) -> None:
    with closing(sqlite3.connect(dump)) as copied:
        found = copied.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise RefusedError(f"The site's database is damaged ({found}): restore the last whole backup.")


def _schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def _replace_schema(schema: str, aside: str, undo: ExitStack) -> None:
    """Give the schema another name, and make an empty one of its old name; `undo` takes that back."""
    old, new = connection.ops.quote_name(schema), connection.ops.quote_name(aside)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA {old} RENAME TO {new}")
        cursor.execute(f"CREATE SCHEMA {old}")

    def take_back() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {old} CASCADE")
            cursor.execute(f"ALTER SCHEMA {new} RENAME TO {old}")

    undo.callback(take_back)


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs at the site's database."""
    if shutil.which(program) is None:
        raise RefusedError(f"{program} is missing: install PostgreSQL's client (Debian: postgresql-client).")
    (_, *login), env = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    if program == "pg_restore":
        login.pop()  # the database: pg_restore takes its name as an option
    done = subprocess.run(
        [program, *login, *arguments], env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    if done.returncode:
        raise RefusedError(f"{program} failed: {done.stderr.strip()[-2000:]}")
