"""A backup made under load and restored into the folder of a site that went on, and was killed."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.serving import ROOT, wait_for

from .people import SLUG, make_people, ranking, stored_keys
from .site import Site
from .tables import show

PEOPLE, PROMPTS, FILES = 8, 600, 40
PROCESSES = {"web": "config.server", "worker": "db_worker", "clock": "run_clock"}
"""What runs, and a word of its command."""
_SNAPSHOT = f"""
from annotator.models import Project
from ranking.services import snapshot_preferences
dataset = snapshot_preferences(project=Project.objects.get(slug={SLUG!r}))
print(dataset.folder / "train.parquet")
"""
_NO_JOBS = "from django_tasks_db.models import DBTaskResult; DBTaskResult.objects.all().delete()"


@pytest.mark.both_databases
def test_a_backup_under_load_is_restored(new_site: Callable[..., Site], minutes: float, tmp_path: Path):
    site = new_site()
    people, backups = make_people(site, people=PEOPLE, prompts=PROMPTS), tmp_path / "backups"
    site.python(_NO_JOBS)
    for name in PROCESSES:
        site.start(name)
    times = max(2, round(2 * minutes))
    rows = [_back_up_and_restore(site, people, backups / str(number)) for number in range(times)]
    show(f"{PEOPLE} people rank; backup, more rankings, all killed, restored into the used folder", rows)
    assert not any(row["lost"] or row["doubled"] for row in rows)
    assert all(row["dataset"] == "same" and row["refused while running"] for row in rows)


def _back_up_and_restore(site: Site, people: list[str], backups: Path) -> dict[str, object]:
    with ranking(site, people, patience=2) as answers:
        wait_for(lambda: len(answers.keys) >= 5 * PEOPLE)
        dataset = Path(site.python(_SNAPSHOT).strip())
        content = dataset.read_bytes()
        acknowledged, began = set(answers.keys), time.monotonic()
        backup = site.manage("backup", str(backups)).strip()
        seconds = time.monotonic() - began
        wait_for(lambda: len(answers.keys) >= len(acknowledged) + 5 * PEOPLE)
        refused = _restore(site, backup)
        _kill_all(site)
    site.python(_SNAPSHOT)  # files that the backup does not know
    dataset.write_bytes(b"not any more")
    restored = _restore(site, backup)
    assert restored.returncode == 0, restored.stderr
    stored = stored_keys(site)
    for name in PROCESSES:
        site.start(name)
    return {
        "acknowledged before": len(acknowledged),
        "during and after": len(answers.keys) - len(acknowledged),
        "restored": len(stored),
        "lost": len(acknowledged - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "dataset": "same" if dataset.read_bytes() == content else "other",
        "refused while running": all(word in refused.stderr for word in PROCESSES.values()),
        "backup s": round(seconds, 1),
        "MB": round(sum(each.stat().st_size for each in Path(backup).rglob("*")) / 1e6, 1),
    }


def _kill_all(site: Site) -> None:
    family = [each for name in PROCESSES for each in (site.running[name], *site.running[name].children())]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(family)


def _restore(site: Site, backup: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "restore", backup]
    return subprocess.run(command, cwd=ROOT, env=site.env, capture_output=True, text=True)


def test_a_killed_backup_is_never_taken_for_a_whole_one(new_site: Callable[..., Site], tmp_path: Path):
    site, backups = new_site(), tmp_path / "backups"
    (site.folder / "models").mkdir()
    for number in range(FILES):
        (site.folder / "models" / str(number)).write_bytes(bytes(5_000_000))
    command = [sys.executable, "manage.py", "backup", str(backups)]
    counts = {"killed": 0, "half": 0, "whole": 0, "taken for whole": 0}
    for files in (0, 1, 2, FILES // 2, FILES, FILES + 1, FILES + 2):
        process = subprocess.Popen(command, cwd=ROOT, env=site.env, stdout=subprocess.DEVNULL)
        while process.poll() is None and _copied(backups) < files:
            time.sleep(0.001)
        process.kill()
        counts["killed"] += process.wait() < 0
        for folder in list(backups.iterdir()):
            whole = not folder.name.startswith(".unfinished-")
            counts["whole" if whole else "half"] += 1
            counts["taken for whole"] += whole and not _is_whole(folder)
            shutil.rmtree(folder)
    show("Backups killed after so many files", [counts])
    assert counts["taken for whole"] == 0


def _copied(backups: Path) -> int:
    """How many files the backup under way has so far; -1 before it begins."""
    unfinished = next(backups.glob(".unfinished-*"), None)
    return sum(each.is_file() for each in unfinished.rglob("*")) if unfinished else -1


def _is_whole(backup: Path) -> bool:
    files = json.loads((backup / "manifest.json").read_text())["files"]
    return all((backup / name).stat().st_size == file["bytes"] for name, file in files.items())
