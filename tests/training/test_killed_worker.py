"""A worker is killed, or stopped, in the middle of a stage; the next one goes on in the same run directory.

That the engine then ends with the same weights, tests/rlhf/stages/test_reward.py shows.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.training.making import make_update
from training.models import TrainingRun, Update
from training.services.updates.worker import execute_update

pytestmark = pytest.mark.django_db(transaction=True)
STOP_AFTER, CHECKPOINT, LAST, NEVER = 6, 4, 12, 0
RESUMED = list(range(CHECKPOINT + 1, LAST + 1))


def start_worker(update: Update, *, stop_after: int) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TEST_DATABASE": str(connection.settings_dict["NAME"]),
    }
    module = [sys.executable, "-m", "tests.training.killed_worker", str(update.pk), str(stop_after)]
    return subprocess.Popen(module, cwd=settings.BASE_DIR, env=environment)


def kill(worker: "subprocess.Popen[bytes]") -> None:
    worker.kill()
    worker.wait()


def steps_done(run: TrainingRun) -> list[int]:
    path = run.folder / "progress.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []


def is_free(lock: Path) -> bool:
    """Whether the engine has gone, which the kernel ends a moment after its worker."""
    with open(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def reward_run(update: Update) -> TrainingRun:
    return TrainingRun.objects.get(update=update, stage="reward")


def test_a_killed_worker_is_replaced_by_one_that_goes_on_from_the_checkpoint():
    update = make_update()
    worker = start_worker(update, stop_after=STOP_AFTER)
    wait_until(lambda: update.runs.exists() and STOP_AFTER in steps_done(reward_run(update)))
    kill(worker)
    run = reward_run(update)
    wait_until(lambda: is_free(run.folder / "engine.lock"))
    killed_at = steps_done(run)

    execute_update(update.pk)
    update.refresh_from_db()
    assert (update.state, update.attempt) == ("running", 1), "the lease is current: it was left alone"

    expire_leases()
    worker = start_worker(update, stop_after=NEVER)
    wait_until(lambda: reward_run(update).state == "succeeded")
    kill(worker)
    update.refresh_from_db()
    assert (update.state, update.attempt, update.error) == ("running", 2, "")
    assert reward_run(update).attempt == 2
    assert steps_done(run)[: len(killed_at)] == killed_at
    assert steps_done(run)[len(killed_at) :] == RESUMED, "it began at the checkpoint, not at the start"


def test_a_stopped_worker_is_replaced_and_writes_nothing_when_it_wakes():
    update = make_update()
    stopped = start_worker(update, stop_after=STOP_AFTER)
    try:
        wait_until(lambda: update.runs.exists() and STOP_AFTER in steps_done(reward_run(update)))
        stopped.send_signal(signal.SIGSTOP)
        expire_leases()
        worker = start_worker(update, stop_after=NEVER)
        wait_until(lambda: reward_run(update).state != "running")
        kill(worker)
        stopped.send_signal(signal.SIGCONT)
        assert stopped.wait(30) == 0
    finally:
        kill(stopped)
    run = reward_run(update)
    assert (run.state, run.attempt, run.error) == ("succeeded", 2, "")
    assert steps_done(run)[STOP_AFTER:] == RESUMED, "the engine of the stopped worker was ended first"
    update.refresh_from_db()
    assert (update.state, update.attempt) == ("running", 2)


def expire_leases() -> None:
    for work in (Update, TrainingRun):
        work.objects.update(lease_expires_at=datetime(2000, 1, 1, tzinfo=UTC))
