"""A worker is killed in the middle of a stage; the next one goes on from the checkpoint."""

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

STEPS = 400


class Site:
    """A site with its own data folder, on which workers can be started and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "CHORUS_DATA_DIR": str(folder),
            "CHORUS_ENV": "local",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.environment.pop("DATABASE_URL", None)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        module = [sys.executable, "-m", "tests.training.killed_worker", *command]
        return subprocess.Popen(module, cwd=settings.BASE_DIR, env=self.environment, stdout=subprocess.PIPE)

    def run(self, *command: str) -> str:
        process = self.start(*command)
        output, _errors = process.communicate(timeout=300)
        assert process.returncode == 0
        return output.decode()

    def report(self) -> dict[str, Any]:
        return json.loads(self.run("report").splitlines()[-1])

    def let_leases_expire(self) -> None:
        with sqlite3.connect(self.folder / "db.sqlite3") as database:
            for table in ("training_update", "training_trainingrun"):
                database.execute(f"UPDATE {table} SET lease_expires_at = '2000-01-01 00:00:00'")

    def state_of_run(self, pk: int) -> str:
        with sqlite3.connect(self.folder / "db.sqlite3") as database:
            return database.execute("SELECT state FROM training_trainingrun WHERE id = ?", [pk]).fetchone()[0]


def steps_done(folder: Path) -> list[int]:
    try:
        lines = (folder / "progress.jsonl").read_text().splitlines()
    except OSError:
        return []
    return [json.loads(line)["step"] for line in lines if line.endswith("}")]


def is_free(lock: Path) -> bool:
    """Whether the engine has gone, which the kernel ends a moment after its worker."""
    with open(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 240
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_killed_worker_is_replaced_by_one_that_goes_on_from_the_checkpoint(tmp_path: Path, tiny_base: Path):
    site = Site(tmp_path)
    site.run("prepare", str(tiny_base))
    run = tmp_path / "runs" / "1"
    worker = site.start("work")
    wait_until(lambda: list(run.glob("checkpoints/step-??????")))
    worker.kill()
    worker.wait()
    wait_until(lambda: is_free(run / "engine.lock"))
    killed_at = steps_done(run)
    assert killed_at[-1] < STEPS, "it was killed in the middle"

    site.run("work")
    report = site.report()
    assert (report["state"], report["attempt"]) == ("running", 1), "the lease is current: it was left alone"

    site.let_leases_expire()
    worker = site.start("work")
    wait_until((run / "result.json").exists)
    wait_until(lambda: site.state_of_run(1) == "succeeded")
    worker.kill()
    worker.wait()
    report = site.report()
    assert (report["state"], report["attempt"], report["error"]) == ("running", 2, "")
    assert report["runs"]["reward"] == ["succeeded", 2]
    assert steps_done(run)[len(killed_at)] > 20, "it began at the checkpoint, not at the start"
    assert steps_done(run)[-1] == STEPS
