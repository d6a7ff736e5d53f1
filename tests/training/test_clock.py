"""What the clock starts, passes over and revives."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.models import AuditEvent, Project
from annotator.services.projects import change_settings
from tests.factories import coordinator_of
from tests.training.making import SMALL, engine_script, make_judged, make_run, make_trainable, make_update
from training.launching import launcher
from training.management.commands._repeating import repeat
from training.models import Schedule, TrainingRun, Update
from training.services import clock
from training.services.clock import MAX_ATTEMPTS, tick
from training.services.enough import Enough, enough_for_update
from training.services.sampling.control import sample_live_version
from training.services.schedules import save_schedule
from training.services.updates.control import start_update
from training.services.updates.worker import execute_update

pytestmark = pytest.mark.django_db
State = Update.State
MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)  # 03:00 in Paris
SECOND = timedelta(seconds=1)


def make_schedule(project: Project, since: datetime, **fields: object) -> Schedule:
    values = {
        "cron": "0 3 * * 1",
        "is_enabled": True,
        "min_new_judgments": 1,
        "settings": SMALL,
        **fields,
    }
    project.timezone = "Europe/Paris"
    project.save()
    schedule = save_schedule(project=project, actor=coordinator_of(project), **values)
    Schedule.objects.filter(pk=schedule.pk).update(checked_at=since)
    return schedule


def passed_over(project: Project) -> list[str]:
    events = AuditEvent.objects.filter(project=project, verb="schedule.passed_over")
    return [event.data["reason"] for event in events]


def jobs(name: str) -> list[list[int]]:
    """The arguments of the jobs of one kind, whatever became of them."""
    found = DBTaskResult.objects.filter(task_path=f"training.tasks.{name}")
    return [job.args_kwargs["args"] for job in found]


def test_an_update_starts_when_its_slot_comes_and_not_before():
    project = make_judged()
    make_schedule(project, MONDAY - timedelta(days=1))
    tick(MONDAY - SECOND)
    assert not Update.objects.exists()
    tick(MONDAY)
    update = Update.objects.get()
    assert (update.slot, update.settings, update.started_by) == (MONDAY, SMALL, None)


def test_a_slot_is_started_once_however_often_the_clock_looks():
    project = make_judged()
    make_schedule(project, MONDAY - timedelta(days=1))
    tick(MONDAY)
    Update.objects.update(state=State.FAILED)
    tick(MONDAY + timedelta(seconds=20))
    assert Update.objects.count() == 1


def test_after_weeks_off_only_the_newest_slot_is_started():
    project = make_judged()
    make_schedule(project, MONDAY - timedelta(weeks=5))
    tick(MONDAY + timedelta(days=2))
    assert [update.slot for update in Update.objects.all()] == [MONDAY]
    Update.objects.update(state=State.FAILED)
    tick(MONDAY + timedelta(days=2, seconds=20))
    assert Update.objects.count() == 1


def test_a_schedule_that_is_off_starts_nothing():
    project = make_judged()
    make_schedule(project, MONDAY - timedelta(weeks=1), is_enabled=False)
    tick(MONDAY)
    assert not Update.objects.exists()


def test_too_few_new_judgments_pass_the_slot_over_with_the_reason_on_record():
    project = make_trainable()
    make_schedule(project, MONDAY - timedelta(days=1), min_new_judgments=5)
    tick(MONDAY)
    tick(MONDAY + timedelta(seconds=20))
    assert not Update.objects.exists()
    assert passed_over(project) == ["There is not enough new data (Judgments: 0 of 5)."]


def test_an_active_update_passes_the_slot_over_with_the_reason_on_record():
    update = make_update()
    make_schedule(update.project, MONDAY - timedelta(days=1))
    tick(MONDAY)
    assert Update.objects.count() == 1
    assert "under way" in passed_over(update.project)[0]


def test_saving_a_schedule_does_not_start_what_was_due_before():
    project = make_judged()
    save_schedule(
        project=project,
        actor=coordinator_of(project),
        cron="* * * * *",
        is_enabled=True,
        min_new_judgments=0,
        settings={},
    )
    tick(timezone.now().replace(second=0, microsecond=0))
    assert not Update.objects.exists()


def test_another_time_zone_does_not_start_what_is_past_in_it(monkeypatch):
    project = make_judged()
    make_schedule(project, MONDAY)
    now = MONDAY + timedelta(hours=7)  # 04:00 in New York
    monkeypatch.setattr(timezone, "now", lambda: now)
    values = {"timezone": "America/New_York"}
    change_settings(project=project, values=values, actor=coordinator_of(project))
    tick(now)
    assert not Update.objects.exists()
    tick(now + timedelta(days=6, hours=22))
    assert not Update.objects.exists()
    tick(now + timedelta(days=6, hours=23))
    assert Update.objects.get().slot == MONDAY + timedelta(days=7, hours=6)


def test_a_schedule_that_cannot_be_read_does_not_stop_the_others():
    broken, fine = make_judged(), make_judged()
    for project in (broken, fine):
        make_schedule(project, MONDAY - timedelta(days=1))
    Project.objects.filter(pk=broken.pk).update(timezone="Mars/Base")
    tick(MONDAY)
    assert [update.project for update in Update.objects.all()] == [fine]


def test_an_abandoned_update_gets_one_new_job():
    update = make_update()
    update.claim()
    tick()
    assert not jobs("run_update"), "it is held"
    Update.objects.update(lease_expires_at=timezone.now() - SECOND)
    tick()
    tick()
    assert jobs("run_update") == [[update.pk]]


def test_a_job_that_a_killed_worker_took_with_it_is_replaced():
    update = make_update()
    tick()
    DBTaskResult.objects.update(status="RUNNING")
    tick()
    assert jobs("run_update") == [[update.pk]] * 2
    assert Update.objects.get(pk=update.pk).state == State.QUEUED


def test_abandoned_sampling_gets_a_new_job():
    run = sample_live_version(project=make_trainable())
    run.claim()
    TrainingRun.objects.update(lease_expires_at=timezone.now() - SECOND)
    tick()
    assert jobs("run_sampling") == [[run.pk]]


def test_an_update_that_kills_its_workers_fails_after_some_attempts():
    update = make_update()
    Update.objects.update(state=State.RUNNING, attempt=MAX_ATTEMPTS, lease_expires_at=timezone.now() - SECOND)
    tick()
    update.refresh_from_db()
    assert update.state == State.FAILED
    assert f"stopped {MAX_ATTEMPTS} times" in update.error
    assert not jobs("run_update")


def test_after_an_update_that_kills_its_workers_the_next_gets_past_that_stage(monkeypatch):
    update = make_update()
    update.claim()
    run = make_run(update)
    run.claim()
    Update.objects.update(attempt=MAX_ATTEMPTS, lease_expires_at=timezone.now() - SECOND)
    tick()
    run.refresh_from_db()
    assert (run.state, run.lease) == (State.FAILED, None)
    monkeypatch.setattr(launcher, "command", engine_script("raise SystemExit(1)"))
    following = start_update(project=update.project, settings=SMALL)
    execute_update(following.pk)
    assert following.runs.get().state == State.FAILED, "it had a run of its own"


def test_what_goes_wrong_with_one_schedule_does_not_stop_the_others(monkeypatch):
    broken, fine = make_judged(), make_judged()
    for project in (broken, fine):
        make_schedule(project, MONDAY - timedelta(days=1))

    def look(project: Project, schedule: Schedule) -> Enough:
        if project == broken:
            raise ZeroDivisionError
        return enough_for_update(project, schedule)

    monkeypatch.setattr(clock, "enough_for_update", look)
    tick(MONDAY)
    assert [update.project for update in Update.objects.all()] == [fine]


def test_the_clock_stops_cleanly_when_told_to(tmp_path):
    environment = {**os.environ, "CHORUS_DATA_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "manage.py", "run_clock"]
    clock = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert clock.stdout.readline() == b"The clock runs.\n"
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(30) == 0


def test_what_goes_wrong_once_is_done_again_the_next_time():
    stop, results = threading.Event(), [None, ValueError("once"), None]

    def act() -> None:
        result = results.pop()
        if not results:
            stop.set()
        if result:
            raise result

    repeat(act, every=0, until=stop)
    assert results == []
