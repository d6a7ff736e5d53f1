"""A backup made while people write, restored into a folder that was used; and what refuses to be one."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from annotator.data_folder import data_folder_alone, data_folder_in_use
from annotator.models import Project
from ranking.models import Dataset, Judgment
from ranking.services import claim_next, open_round, snapshot_preferences, submit_judgment
from tests.factories import make_member
from tests.training.making import (
    add_answers,
    make_finished,
    make_judged,
    make_run,
    make_update,
)
from training.models import ModelVersion
from training.rlhf.rundir import sha256_of
from training.services.backup import files, restore
from training.services.backup.create import make_backup
from training.services.backup.manifest import read_manifest
from training.services.backup.restore import restore_backup

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 8
DUMP = {"sqlite": "db.sqlite3", "postgresql": "db.dump"}
LEAVE_A_WAL = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE later (id);")
database.execute("INSERT INTO later VALUES (1)")
database.commit()
os._exit(0)  # as a kill does: closing would tidy up
"""


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings.DATA_DIR = folder
    return folder


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def tree(folder: Path) -> dict[str, str]:
    """The files of the data folder that are the site's."""
    kept = (path for path in folder.rglob("*") if path.is_file() and path.name != "in-use.lock")
    return {path.relative_to(folder).as_posix(): path.read_text(errors="replace") for path in kept}


def judge_until(over: threading.Event, project: Project, volunteer: Any, acknowledged: list[int]) -> None:
    try:
        while not over.is_set() and (assignment := claim_next(project=project, volunteer=volunteer)):
            ranks = {pk: place for place, pk in enumerate(assignment.order, start=1)}
            judgment = submit_judgment(
                assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks
            )
            acknowledged.append(judgment.pk)
    finally:
        connections.close_all()


def make_busy(rounds: int = 4) -> Project:
    """A project with a dataset, and more to judge."""
    project = make_judged()
    snapshot_preferences(project=project)
    project.judgments_per_comparison = WRITERS
    project.save()
    live = project.versions.get(number=0)
    add_answers(live, tuple(f"Answer {n}." for n in range(rounds)))
    open_round(project=project, author=live.author, comparisons_per_prompt=2)
    return project


def test_what_was_acknowledged_before_a_backup_is_restored_into_a_used_folder(data, backups):
    project = make_busy()
    over, acknowledged = threading.Event(), []
    volunteers = [make_member(project) for _ in range(WRITERS)]
    threads = [
        threading.Thread(target=judge_until, args=(over, project, each, acknowledged)) for each in volunteers
    ]
    for thread in threads:
        thread.start()
    try:
        while len(acknowledged) < WRITERS:
            over.wait(0.01)
        before = list(acknowledged)
        backup = make_backup(folder=backups)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    dataset = Dataset.objects.get()
    checksum = sha256_of(dataset.folder / "manifest.json")
    (dataset.folder / "manifest.json").write_text("not any more")
    snapshot_preferences(project=project)
    leave_a_wal()

    restored = restore_backup(folder=backup)

    assert set(before) <= set(Judgment.objects.values_list("pk", flat=True))
    assert restored.counts["judgments"] == Judgment.objects.count()
    assert restored.missing == []
    assert Dataset.objects.get() == dataset, "the one made since the backup is not there"
    assert sha256_of(dataset.folder / "manifest.json") == checksum
    assert (data / restored.aside / "datasets" / project.slug / "2").is_dir(), "it was moved aside"
    submit_one(project, volunteers[0])


def leave_a_wal() -> None:
    """What a killed process leaves beside the database: a table that is in the -wal only."""
    if connection.vendor == "sqlite":
        connections.close_all()
        name = str(connection.settings_dict["NAME"])
        subprocess.run([sys.executable, "-c", LEAVE_A_WAL, name], check=True)
        assert Path(f"{name}-wal").stat().st_size


def submit_one(project: Project, volunteer: Any) -> None:
    """The restored site takes judgments: numbers go on where they were."""
    assignment = claim_next(project=project, volunteer=volunteer)
    ranks = {pk: place for place, pk in enumerate(assignment.order, start=1)}
    assert submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)


def test_a_backup_holds_what_cannot_be_made_again_and_nothing_else(data, backups):
    update = make_update()
    run = make_run(update)
    for name in ("checkpoints/step-000004/weights", "output/adapter.safetensors", "recipe.json.tmp-1"):
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text(name)
    for name in ("starters/demo/weights", "models/.update-1-x/policy/a", "static/app.css", "secret_key"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(name)
    kept = {
        "starters/demo/weights",
        f"runs/{run.pk}/prompts.jsonl",
        f"runs/{run.pk}/output/adapter.safetensors",
        DUMP[connection.vendor],
    }
    assert set(read_manifest(make_backup(folder=backups)).files) == kept
    shutil.rmtree(backups)
    with_key = make_backup(folder=backups, with_secret_key=True)
    assert set(read_manifest(with_key).files) == kept | {"secret_key"}


def test_once_a_candidate_is_decided_upon_its_weights_are_kept_once(data, backups):
    candidate = make_finished(make_update())

    def kept() -> list[str]:
        names = read_manifest(make_backup(folder=backups)).files
        shutil.rmtree(backups)
        return sorted({name.partition("/")[0] for name in names if name.endswith(".safetensors")})

    assert kept() == ["models", "runs"]
    ModelVersion.objects.filter(pk=candidate.pk).update(state=ModelVersion.State.REJECTED)
    assert kept() == ["models"]


def test_a_backup_that_fails_leaves_nothing_behind(data, backups, monkeypatch):
    make_judged()
    (data / "models").mkdir()
    (data / "models" / "weights").write_text("weights")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.services.backup.create.copy", full)
    with pytest.raises(CommandError, match=r"No space left(.|\n)*No backup was made"):
        call_command("backup", str(backups))
    assert list(backups.iterdir()) == []


def test_a_killed_backup_is_no_backup_and_is_cleared_away_a_day_later(data, backups):
    make_judged()
    left = backups / ".unfinished-1"
    left.mkdir(parents=True)
    (left / DUMP[connection.vendor]).write_text("half")
    with pytest.raises(CommandError, match=r"is no backup: it has no manifest\.json"):
        call_command("restore", str(left))
    call_command("backup", str(backups))
    assert left.exists(), "another backup may be writing it"
    os.utime(left, (0, 0))
    call_command("backup", str(backups))
    assert not left.exists()


def test_only_the_newest_backups_are_kept_when_asked(data, backups):
    make_judged()
    for day in (1, 2, 3):
        (backups / f"chorus-2020-01-0{day}T00-00-00Z").mkdir(parents=True)
        (backups / f"chorus-2020-01-0{day}T00-00-00Z" / "manifest.json").touch()
    (backups / "something else").mkdir()
    call_command("backup", str(backups), keep=2)
    names = sorted(path.name for path in backups.iterdir())
    assert (len(names), names[0], names[-1]) == (3, "chorus-2020-01-03T00-00-00Z", "something else")
    with pytest.raises(CommandError, match="from 1 on"):
        call_command("backup", str(backups), keep=0)


def test_restoring_the_folder_of_all_backups_names_the_newest(data, backups):
    make_judged()
    made = make_backup(folder=backups)
    with pytest.raises(CommandError, match=f"The newest backup in it is {made}"):
        call_command("restore", str(backups))


def damage(backup: Path, name: str, how: str) -> None:
    path = backup / name
    if how == "missing":
        path.unlink()
    elif how == "cut":
        os.truncate(path, path.stat().st_size - 1)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "cut", "a bit"])
@pytest.mark.parametrize("name", ["database", "dataset"])
def test_a_damaged_file_is_refused_by_name_and_nothing_is_changed(data, backups, name, how):
    project = make_judged()
    snapshot_preferences(project=project)
    backup = make_backup(folder=backups)
    name = DUMP[connection.vendor] if name == "database" else f"datasets/{project.slug}/1/manifest.json"
    damage(backup, name, how)
    before, judgments = tree(data), Judgment.objects.count()
    with pytest.raises(CommandError, match=f"damaged: {name}(.|\n)*the site is as it was"):
        call_command("restore", str(backup))
    assert (tree(data), Judgment.objects.count()) == (before, judgments)


def change_manifest(backup: Path, **values: object) -> None:
    path = backup / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "files": {"a": 1}}'])
def test_a_damaged_manifest_is_refused(data, backups, text):
    make_judged()
    backup = make_backup(folder=backups)
    (backup / "manifest.json").write_text(text)
    with pytest.raises(CommandError, match=r"manifest\.json in .* is damaged"):
        call_command("restore", str(backup))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "models/../../outside", "other/file"])
def test_a_manifest_that_leads_out_of_the_data_folder_is_refused(data, backups, name):
    make_judged()
    backup = make_backup(folder=backups)
    files = json.loads((backup / "manifest.json").read_text())["files"]
    change_manifest(backup, files=files | {name: {"bytes": 1, "sha256": ""}})
    with pytest.raises(CommandError, match="is damaged"):
        call_command("restore", str(backup))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"chorus": "9.9", "migrations": ["annotator.9999_future"]}, "newer Chorus .9.9; .*9999_future"),
        ({"format": 2}, "newer Chorus"),
        ({"database": "oracle"}, "damaged"),
    ],
)
def test_a_backup_that_this_site_cannot_read_is_refused(data, backups, values, reason):
    make_judged()
    backup = make_backup(folder=backups)
    change_manifest(backup, **values)
    with pytest.raises(CommandError, match=reason):
        call_command("restore", str(backup))


def test_a_backup_of_the_other_database_is_refused(data, backups):
    make_judged()
    backup = make_backup(folder=backups)
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[connection.vendor]
    (backup / DUMP[connection.vendor]).rename(backup / DUMP[other])
    files = {DUMP[other]: {"bytes": 1, "sha256": ""}}
    change_manifest(backup, database=other, files=files)
    with pytest.raises(CommandError, match=f"is of a {other} database"):
        call_command("restore", str(backup))


def test_a_backup_of_an_older_version_is_migrated(data, backups):
    make_judged()
    call_command("migrate", "authtoken", "0003", verbosity=0)
    try:
        backup = make_backup(folder=backups)
        assert "authtoken.0004_alter_tokenproxy_options" not in read_manifest(backup).migrations
        restore_backup(folder=backup)
    finally:
        call_command("migrate", verbosity=0)
    assert ("authtoken", "0004_alter_tokenproxy_options") in MigrationRecorder(
        connection
    ).applied_migrations()


def test_a_running_site_is_not_restored_and_is_named(data, backups):
    make_judged()
    backup = make_backup(folder=backups)
    with (
        data_folder_in_use(),
        pytest.raises(CommandError, match=rf"The site runs(.|\n)*process {os.getpid()}:"),
    ):
        call_command("restore", str(backup))
    call_command("restore", str(backup))


def test_a_process_that_starts_during_a_restore_waits_for_its_end(data):
    started = threading.Event()

    def start() -> None:
        with data_folder_in_use():
            started.set()

    process = threading.Thread(target=start)
    with data_folder_alone():
        process.start()
        assert not started.wait(0.3)
    process.join(20)
    assert started.is_set()


def test_the_site_starts_where_no_lock_can_be_had(data, caplog):
    (data / "in-use.lock").mkdir()
    with data_folder_in_use():
        assert "A restore would not notice" in caplog.text


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_disk_without_room_is_found_before_anything_is_written(data, backups, monkeypatch, command):
    make_judged()
    backup = make_backup(folder=backups)
    free = shutil.disk_usage(data)._replace(free=files.RESERVE)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _folder: free)
    before = tree(data)
    target = backups.with_name("others") if command == "backup" else backup
    with pytest.raises(CommandError, match="free some space"):
        call_command(command, str(target))
    assert tree(data) == before
    assert not backups.with_name("others").exists() or not list(backups.with_name("others").iterdir())


def test_a_restore_that_fails_takes_everything_back(data, backups, monkeypatch):
    project = make_judged()
    backup = make_backup(folder=backups)
    snapshot_preferences(project=project)
    leave_a_wal()
    before = tree(data)

    def fail(*_args: object, **_options: object) -> None:
        Judgment.objects.count()  # with a connection to what was restored
        raise OSError("The power is going.")

    monkeypatch.setattr(restore, "call_command", fail)
    with pytest.raises(CommandError, match=r"The power is going(.|\n)*the site is as it was"):
        call_command("restore", str(backup))
    assert tree(data) == before
    assert Dataset.objects.count() == 1, "the database is the one of before, with the dataset made since"
    if connection.vendor == "sqlite":
        connection.close()
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as database:
            assert database.execute("SELECT id FROM later").fetchall() == [(1,)], "its -wal, too"
            database.execute("DROP TABLE later")


def test_without_postgresqls_programs_the_error_says_what_to_install(data, backups, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite needs none")
    make_judged()
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(CommandError, match="pg_dump is missing: install"):
        call_command("backup", str(backups))


def test_the_secret_key_stays_unless_the_backup_has_one(data, backups):
    make_judged()
    with pytest.raises(CommandError, match="CHORUS_SECRET_KEY"):
        call_command("backup", str(backups), with_secret_key=True)
    (data / "secret_key").write_text("old")
    without, kept = make_backup(folder=backups / "a"), make_backup(folder=backups / "b", with_secret_key=True)
    (data / "secret_key").write_text("new")
    restore_backup(folder=without)
    assert (data / "secret_key").read_text() == "new"
    restore_backup(folder=kept)
    assert (data / "secret_key").read_text() == "old"


def test_a_version_whose_files_the_backup_lacks_is_named(data, backups, capsys):
    version = make_finished(make_update())
    shutil.rmtree(data / "models")
    call_command("restore", str(make_backup(folder=backups)))
    assert str(version.adapter_dir) in capsys.readouterr().err


def test_a_backup_is_restored_into_an_empty_folder_that_others_cannot_read(data, backups, settings, capsys):
    project = make_judged()
    snapshot_preferences(project=project)
    backup = make_backup(folder=backups)
    settings.DATA_DIR = data.with_name("rehearsal")
    call_command("restore", str(backup))
    assert "judgments 12, datasets 1" in capsys.readouterr().out
    assert Dataset.objects.get().folder.is_dir()
    for folder in (settings.DATA_DIR, backup):
        assert folder.stat().st_mode & 0o077 == 0
