"""A disk that is full, or can only be read: clear errors, nothing half stored, and on it goes with space."""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.serving import ROOT, wait_for

from .people import SLUG, make_people, ranking, stored_keys
from .site import Site
from .tables import show
from .updates import check_runs, count, in_a_hurry, make_updatable, start_update, wait_for_the_end

PEOPLE, PROMPTS = 8, 600
MIB = 2**20
SIZE = 128 * MIB
_COORDINATOR = f"""
from annotator.models import Project
from annotator.services.tokens import create_api_token
from tests.factories import coordinator_of
print(create_api_token(user=coordinator_of(Project.objects.get(slug={SLUG!r}))))
"""


@dataclass
class Disk:
    """A file system of its own in memory."""

    path: Path

    def fill(self, free: int = 0) -> None:
        """Leave so many bytes free."""
        with open(self.path / "filler", "ab", buffering=0) as filler:
            while (left := shutil.disk_usage(self.path).free - free) > 0:
                try:
                    filler.write(bytes(min(left, MIB)))
                except OSError:
                    return

    def free(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Below it lies what the test makes in `tmp_path`; requested before the site, it outlives that."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield Disk(tmp_path)
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_under_the_database(disk: Disk, new_site: Callable[..., Site]):
    """People rank on SQLite while its disk is full three times."""
    site = new_site()
    site.start("web")
    rows = []
    with ranking(site, make_people(site, people=PEOPLE, prompts=PROMPTS), think=0.1) as answers:
        for _ in range(3):
            wait = answers.interrupted
            before = len(answers.keys)
            wait_for(lambda before=before: len(answers.keys) > before + PEOPLE)
            disk.fill()
            time.sleep(5)
            kept = len(answers.keys)
            disk.free()
            wait_for(lambda kept=kept: len(answers.keys) > kept + PEOPLE)
            rows.append({"stored before": kept, "503 or interrupted": answers.interrupted - wait})
    stored = stored_keys(site)
    lost = len(answers.keys - set(stored))
    with closing(sqlite3.connect(site.folder / "db.sqlite3")) as database:
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    show("The database's disk was full for 5 seconds", rows)
    show("After it", [{"acknowledged": len(answers.keys), "lost": lost, "integrity": found}])
    assert (lost, found, answers.refused) == (0, "ok", [])
    assert len(stored) == len(set(stored))


def test_a_full_disk_under_the_files(disk: Disk, new_site: Callable[..., Site], tmp_path_factory):
    """The database is elsewhere: what fails is a checkpoint, a dataset, a zip, a log, a backup."""
    elsewhere, backups = tmp_path_factory.mktemp("elsewhere"), disk.path / "backups"
    site = new_site(DATABASE_URL=f"sqlite:///{elsewhere / 'db.sqlite3'}")
    site.start("web")
    people = make_people(site, people=PEOPLE, prompts=PROMPTS)
    make_updatable(site)
    (worker,) = in_a_hurry(site, workers=1, clocks=0)
    site.start(worker)
    coordinator = {"Authorization": f"Token {site.python(_COORDINATOR).strip()}"}
    address = f"{site.url}/api/v1/projects/{SLUG}/"
    rows = []

    def note(what: str, answer: str, left: str = "nothing") -> None:
        half = len(list(site.folder.glob(left)))
        rows.append({"on a full disk": what, "the answer": answer[:90], "half stored": half})

    with httpx2.Client(base_url=address, headers=coordinator, timeout=30) as api:
        with ranking(site, people) as answers:
            wait_for(lambda: len(answers.keys) > 10 * PEOPLE)
        assert api.post("datasets/").status_code == 201

        disk.fill(free=MIB // 2)
        start_update(site)
        wait_for(lambda: count(site)["updates"][0]["state"] == "failed", 60)
        note("checkpoint", count(site)["updates"][0]["error"], "runs/*/checkpoints/*.tmp-*")
        check_runs(site)

        disk.fill()
        taken = api.post("datasets/")
        note("dataset", f"{taken.status_code} {taken.text}", "datasets/*/.unfinished-*")
        zipped = api.get("datasets/1/zip/")
        note("zip", f"{zipped.status_code} {zipped.text}")
        backup = _manage(site, "backup", str(backups))
        note("backup", backup.stderr.replace("\n", " "), "../backups/*")
        with ranking(site, people) as logged:
            time.sleep(3)
        note("log", f"{len(logged.keys)} rankings stored, {logged.interrupted} interrupted")

        disk.free()
        after = [api.post("datasets/").status_code, api.get("datasets/1/zip/").status_code]
        after.append(_manage(site, "backup", str(backups)).returncode)
        after.append(api.post(f"updates/{count(site)['updates'][0]['pk']}/retry/").status_code)
        update = wait_for_the_end(site)["updates"][0]
        note("with space again", f"dataset, zip, backup, retry {after}; update {update['state']}")
    show("A full disk under the data folder", rows)
    assert "disk is full" in str(rows[0])
    assert (taken.status_code, zipped.status_code, backup.returncode) == (503, 503, 1)
    assert logged.keys and not logged.interrupted and not logged.refused
    assert not any(row["half stored"] for row in rows)
    assert after[:3] == [201, 200, 0] and update["state"] == "succeeded"


def test_folders_that_can_only_be_read(new_site: Callable[..., Site]):
    site = new_site()
    people = make_people(site, people=PEOPLE, prompts=PROMPTS)
    make_updatable(site)
    coordinator = {"Authorization": f"Token {site.python(_COORDINATOR).strip()}"}
    address = f"{site.url}/api/v1/projects/{SLUG}/datasets/"
    site.start("web")
    (worker,) = in_a_hurry(site, workers=1, clocks=0)
    site.start(worker)
    with read_only(site.folder / "datasets"), ranking(site, people) as answers:
        wait_for(lambda: len(answers.keys) > 5 * PEOPLE)
        taken = httpx2.post(address, headers=coordinator, timeout=30)
    with read_only(site.folder / "runs"):
        start_update(site)
        wait_for(lambda: count(site)["updates"][0]["state"] == "failed", 60)
        error = count(site)["updates"][0]["error"]
    again = httpx2.post(address, headers=coordinator, timeout=30)
    show(
        "Folders that can only be read",
        [
            {"what": "rankings", "answer": f"{len(answers.keys)} stored, {len(answers.refused)} refused"},
            {"what": "dataset", "answer": f"{taken.status_code} {taken.text[:90]}"},
            {"what": "update", "answer": error[:90]},
            {"what": "dataset, writable again", "answer": again.status_code},
        ],
    )
    assert answers.refused == [] and answers.keys <= set(stored_keys(site))
    assert (taken.status_code, again.status_code) == (503, 201)
    assert "Read-only" in error


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder, which may be new, as if on a disk that can only be read: root may write everywhere else."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True).returncode:
        pytest.skip("only root may mount")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _manage(site: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [".venv/bin/python", "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=site.env, capture_output=True, text=True)
