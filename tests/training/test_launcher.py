"""How an engine's process is started, watched and ended. The engines here are a few lines of Python."""

import os
import resource
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.training.making import engine_script, make_run, make_update
from training import failures
from training.launching import engine_process, launcher
from training.launching.engine_process import AUTOGROUP, EngineProcess, take_lock
from training.models import LeaseLostError, TrainingRun, Update

pytestmark = pytest.mark.django_db
State = TrainingRun.State

SUCCEED = """
import json, pathlib, sys
pathlib.Path(sys.argv[1], "result.json").write_text(json.dumps({"metrics": {}, "files": {}, "seconds": 1}))
"""
WAIT = "import time\ntime.sleep(600)"
OBEY_CANCEL = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1], "cancel").exists():
    time.sleep(0.05)
sys.exit(3)
"""
IGNORE_CANCEL = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: pathlib.Path(sys.argv[1], "terminated").touch())
pathlib.Path(sys.argv[1], "ready").touch()
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(launcher, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(launcher, "RENEW_SECONDS", 0.1)
    update = make_update()
    update.claim()
    run = make_run(update)
    run.update = update
    run.claim()
    return run


def run_script(run: TrainingRun, text: str, monkeypatch: pytest.MonkeyPatch) -> launcher.Outcome:
    monkeypatch.setattr(launcher, "command", engine_script(text))
    return launcher.run_engine(run)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: object, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_an_engine_that_leaves_a_result_succeeded(run, monkeypatch):
    outcome = run_script(run, SUCCEED, monkeypatch)
    assert outcome == launcher.Outcome(State.SUCCEEDED, result={"metrics": {}, "files": {}, "seconds": 1})


def test_exit_code_0_without_a_result_is_no_success(run, monkeypatch):
    outcome = run_script(run, "", monkeypatch)
    assert outcome.state == State.FAILED
    assert "gave no reason" in outcome.error


def test_the_reason_of_a_failure_comes_from_the_engine(run, monkeypatch):
    text = (
        "import pathlib, sys\npathlib.Path(sys.argv[1], 'error.json')"
        '.write_text(\'{"reason": "The disk is full.", "kind": "disk"}\')\nsys.exit(1)'
    )
    assert run_script(run, text, monkeypatch) == launcher.Outcome(State.FAILED, "The disk is full.")


def test_a_killed_engine_fails_with_the_signal_and_its_last_words(run, monkeypatch):
    text = "import os\nprint('step 7 of 10', flush=True)\nos.kill(os.getpid(), 9)"
    outcome = run_script(run, text, monkeypatch)
    assert outcome.state == State.FAILED
    assert "killed (signal 9)" in outcome.error
    assert "step 7 of 10" in outcome.error


def test_an_engine_that_cannot_be_started_fails_the_run(run, monkeypatch):
    (run.folder / "engine.log").mkdir()
    outcome = run_script(run, SUCCEED, monkeypatch)
    assert outcome.state == State.FAILED


def test_progress_is_copied_onto_the_run_and_the_leases_are_renewed(run, monkeypatch):
    TrainingRun.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=5))
    Update.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=5))
    line = '{"time": 1.0, "stage": "reward", "step": 2, "total": 5, "metrics": {"loss": 0.5}}'
    text = f"import pathlib, sys\npathlib.Path(sys.argv[1], 'progress.jsonl').write_text({line!r} + chr(10))"
    run_script(run, text, monkeypatch)
    stored = TrainingRun.objects.get(pk=run.pk)
    assert (stored.progress["step"], stored.progress["total"]) == (2, 5)
    assert stored.lease_expires_at > timezone.now() + timedelta(seconds=30)
    assert stored.update.lease_expires_at > timezone.now() + timedelta(seconds=30)


def test_the_time_of_attempts_without_success_is_kept(run, monkeypatch):
    run_script(run, "import time\ntime.sleep(0.3)\nraise SystemExit(1)", monkeypatch)
    first = TrainingRun.objects.get(pk=run.pk).unfinished_seconds
    assert first >= 0.3
    run_script(run, "import os, time\ntime.sleep(0.3)\nos.kill(os.getpid(), 9)", monkeypatch)
    both = TrainingRun.objects.get(pk=run.pk).unfinished_seconds
    assert both >= first + 0.3
    run_script(run, SUCCEED, monkeypatch)
    assert TrainingRun.objects.get(pk=run.pk).unfinished_seconds == both


def test_the_time_of_an_attempt_is_kept_when_its_worker_dies(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(launcher._Watch, "_pass_on_cancel", die_after_renewal)
        with pytest.raises(KeyboardInterrupt):
            run_script(run, WAIT, monkeypatch)
    assert TrainingRun.objects.get(pk=run.pk).unfinished_seconds > 0


def die_after_renewal(watch: launcher._Watch) -> None:
    if watch.run.unfinished_seconds:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '{"step": "x"}',
        '{"step": 1e999, "total": 1}',
        '{"step": 1' + "0" * 400 + ', "total": 1, "time": 1, "metrics": {}}',
        '{"step": 1, "total": 1, "time": NaN, "metrics": {}}',
        "[" * 9000,
        "\x00\ud800",
    ],
)
def test_a_progress_line_that_is_no_progress_is_left_out(run, monkeypatch, line):
    (run.folder / "progress.jsonl").write_bytes(line.encode("utf-8", "surrogatepass") + b"\n")
    assert run_script(run, SUCCEED, monkeypatch).state == State.SUCCEEDED
    assert TrainingRun.objects.get(pk=run.pk).progress == {}


def test_metrics_that_are_no_finite_number_are_left_out(run, monkeypatch):
    line = '{"time": 1, "step": 1, "total": 2, "metrics": {"kl": NaN, "loss": 1e999, "score": 0.5}}'
    (run.folder / "progress.jsonl").write_text(line + "\n")
    run_script(run, SUCCEED, monkeypatch)
    assert TrainingRun.objects.get(pk=run.pk).progress["metrics"] == {"score": 0.5}


@pytest.mark.parametrize(
    "result", ["[" * 9000, "[]", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "\\u0000"}']
)
def test_a_result_that_no_database_takes_is_no_success(run, monkeypatch, result):
    text = f"import pathlib, sys\npathlib.Path(sys.argv[1], 'result.json').write_text({result!r})"
    assert run_script(run, text, monkeypatch).state == State.FAILED


def test_last_words_can_be_stored_whatever_they_are(run, monkeypatch):
    outcome = run_script(run, "import sys\nprint('\\0 the end')\nsys.exit(1)", monkeypatch)
    run.finish(outcome.state, error=outcome.error)
    assert "the end" in TrainingRun.objects.get(pk=run.pk).error


def test_a_disk_too_full_for_the_engines_own_words_is_named_all_the_same(run, monkeypatch):
    outcome = run_script(run, "import sys\nsys.exit(4)", monkeypatch)
    assert outcome.state == State.FAILED
    assert "The disk is full" in outcome.error


def test_cancelling_asks_by_the_file_and_ends_as_cancelled(run, monkeypatch):
    Update.objects.filter(pk=run.update_id).update(cancel_requested_at=timezone.now())
    outcome = run_script(run, OBEY_CANCEL, monkeypatch)
    assert outcome.state == State.CANCELLED


def test_an_engine_that_ignores_the_file_is_terminated_then_killed(run, monkeypatch):
    monkeypatch.setattr(launcher, "TERMINATE_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(launcher, "KILL_AFTER_SECONDS", 3.0)
    monkeypatch.setattr(
        TrainingRun, "is_cancel_requested", lambda self: (self.folder / "ready").exists()
    )  # not before it can ignore it
    outcome = run_script(run, IGNORE_CANCEL, monkeypatch)
    assert outcome.state == State.CANCELLED
    assert (run.folder / "terminated").exists()


def test_a_request_of_an_earlier_attempt_does_not_stop_this_one(run, monkeypatch):
    (run.folder / "cancel").touch()
    text = "import pathlib, sys\nassert not pathlib.Path(sys.argv[1], 'cancel').exists()" + SUCCEED
    assert run_script(run, text, monkeypatch).state == State.SUCCEEDED


def test_a_worker_that_lost_its_lease_kills_its_engine_and_writes_nothing(run, monkeypatch):
    text = (
        "import os, pathlib, sys, time\npathlib.Path(sys.argv[1], 'pid').write_text(str(os.getpid()))\n"
        + WAIT
    )
    renew = TrainingRun.renew

    def renew_after_a_takeover(self, **values):
        pid = self.folder / "pid"
        if pid.exists() and pid.read_text():
            TrainingRun.objects.filter(pk=self.pk).update(
                lease_expires_at=timezone.now() - timedelta(seconds=1)
            )
            assert TrainingRun.objects.get(pk=self.pk).claim()
        renew(self, **values)

    monkeypatch.setattr(TrainingRun, "renew", renew_after_a_takeover)
    with pytest.raises(LeaseLostError):
        run_script(run, text, monkeypatch)
    assert not is_alive(int((run.folder / "pid").read_text()))
    stored = TrainingRun.objects.get(pk=run.pk)
    assert (stored.state, stored.attempt, stored.result) == (State.RUNNING, 2, {})


def renew_without_a_database(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the lease's renewal fail so many times, as when a database restarts once the engine works."""
    renew, left = TrainingRun.renew, iter(range(times + 1))

    def sometimes(self, **values):
        if next(left, None):
            raise OperationalError("the database is locked")
        renew(self, **values)

    monkeypatch.setattr(TrainingRun, "renew", sometimes)
    for module in (launcher, failures):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)


def test_a_database_that_is_away_for_a_moment_does_not_stop_the_engine(run, monkeypatch):
    renew_without_a_database(monkeypatch, times=3)
    assert run_script(run, f"import time\ntime.sleep(1.5)\n{SUCCEED}", monkeypatch).state == State.SUCCEEDED


def test_a_database_that_is_away_when_the_engine_ends_does_not_lose_the_result(run, monkeypatch):
    monkeypatch.setattr(failures, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(launcher, "PROGRESS_SECONDS", 60.0)  # so that the renewal at the end is the first
    monkeypatch.setattr(launcher, "RENEW_SECONDS", 60.0)
    renew_without_a_database(monkeypatch, times=3)
    assert run_script(run, SUCCEED, monkeypatch).state == State.SUCCEEDED


def test_a_lease_that_could_not_be_renewed_in_time_counts_as_lost(run, monkeypatch):
    renew_without_a_database(monkeypatch, times=10_000)
    monkeypatch.setattr(launcher, "LEASE", timedelta(seconds=0.3))
    with pytest.raises(LeaseLostError, match="in time"):
        run_script(run, WAIT, monkeypatch)


def test_the_engine_gets_no_secrets(run, monkeypatch):
    names = (
        "CHORUS_SECRET_KEY",
        "DATABASE_URL",
        "CHORUS_JUDGE_KEY",
        "PGPASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "X",
    )
    for name in names:
        monkeypatch.setenv(name, "do not tell")
    assert "do not tell" not in launcher.environment(run).values()


@pytest.mark.parametrize(
    "name", ["PATH", "LC_ALL", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "HF_HOME", "https_proxy", "RANK"]
)
def test_the_engine_gets_what_its_libraries_read(run, monkeypatch, name):
    monkeypatch.setenv(name, "7")
    assert launcher.environment(run)[name] == "7"


def test_only_a_run_that_asks_the_judge_endpoint_gets_its_key(run, monkeypatch):
    monkeypatch.setenv("CHORUS_JUDGE_KEY", "for the judge")
    monkeypatch.setenv("CHORUS_SECRET_KEY", "do not tell")
    run.recipe["judge"] = "endpoint"
    environment = launcher.environment(run)
    assert environment["CHORUS_JUDGE_KEY"] == "for the judge"
    assert "do not tell" not in environment.values()


def test_the_engine_runs_in_its_own_group_at_low_priority(run, monkeypatch):
    text = (
        "import os, pathlib, sys\n"
        "pathlib.Path(sys.argv[1], 'seen').write_text(f'{os.getpgid(0) == os.getpid()} {os.nice(0)}')"
    )
    run_script(run, text, monkeypatch)
    assert (run.folder / "seen").read_text() == f"True {os.nice(0) + 10}"


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel shares out processors without sessions")
def test_the_session_of_the_engine_has_low_priority_too(run, monkeypatch):
    copy = "import shutil, sys; shutil.copyfile('/proc/self/autogroup', f'{sys.argv[1]}/seen')"
    run_script(run, copy, monkeypatch)
    assert (run.folder / "seen").read_text().split()[-2:] == ["nice", "10"]


def test_an_engine_does_not_outlive_its_worker(tmp_path):
    worker = (
        "import sys, time, pathlib, os\n"
        "from training.launching.engine_process import EngineProcess\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "text = 'import os, pathlib, sys, time; '\n"
        "text += 'pathlib.Path(sys.argv[1], \"pid\").write_text(str(os.getpid())); time.sleep(600)'\n"
        "command = [sys.executable, '-c', text, str(folder)]\n"
        "with EngineProcess(folder, command, cwd=pathlib.Path.cwd(), env=dict(os.environ)): time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", worker, str(tmp_path)])
    pid = tmp_path / "pid"
    assert wait_until(lambda: pid.exists() and pid.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_until(lambda: not is_alive(int(pid.read_text())))


def wait_for_lock(folder: Path) -> int:
    """The pid of the engine that took the lock."""
    lock = folder / "engine.lock"
    assert wait_until(lambda: lock.exists() and lock.read_text())
    return int(lock.read_text().split()[0])


def wait(folder: Path) -> EngineProcess:
    """An engine that does nothing."""
    return EngineProcess(folder, [sys.executable, "-c", WAIT], cwd=Path.cwd(), env=dict(os.environ))


def test_an_engine_left_by_a_stalled_worker_is_ended_before_the_next_begins(tmp_path):
    with wait(tmp_path):
        left = wait_for_lock(tmp_path)
        with wait(tmp_path) as following:
            assert wait_until(lambda: not is_alive(left))
            assert wait_until(lambda: wait_for_lock(tmp_path) != left)
            assert following.wait(0) is None


def test_an_engine_on_another_machine_is_not_mistaken_for_a_process_here(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_process, "LOCK_SECONDS", 1)
    with wait(tmp_path) as elsewhere:
        pid = wait_for_lock(tmp_path)
        lock = tmp_path / "engine.lock"
        lock.write_text(lock.read_text().rpartition(" ")[0] + " elsewhere")
        with wait(tmp_path) as following:
            assert following.wait(20) == engine_process.NOT_STARTED
        assert is_alive(pid) and elsewhere.wait(0) is None
    assert "no other engine is at work here" in (tmp_path / "engine.log").read_text()


def test_a_worker_that_slept_before_its_engine_began_leaves_its_successors_alone(tmp_path, monkeypatch):
    with wait(tmp_path):
        successor = wait_for_lock(tmp_path)
        monkeypatch.setattr(engine_process, "LOCK_SECONDS", -1)
        with wait(tmp_path) as late:
            assert late.wait(20) == engine_process.NOT_STARTED
        assert is_alive(successor)


def test_a_worker_that_lost_its_lease_before_its_engine_began_starts_none(run, monkeypatch):
    TrainingRun.objects.update(lease=None)
    with pytest.raises(LeaseLostError):
        run_script(run, SUCCEED, monkeypatch)
    assert not (run.folder / "engine.log").exists()


def test_an_engine_that_cannot_take_its_lock_says_why(run, monkeypatch):
    (run.folder / "engine.lock").mkdir()
    outcome = run_script(run, SUCCEED, monkeypatch)
    assert outcome.state == State.FAILED
    assert outcome.error.startswith("The engine could not start.") and "Is a directory" in outcome.error


def test_what_an_engine_started_ends_with_it(run, monkeypatch):
    text = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(sys.argv[1], 'pid').write_text(str(child.pid))\n"
    )
    run_script(run, text, monkeypatch)
    assert wait_until(lambda: not is_alive(int((run.folder / "pid").read_text())))


def test_an_engine_whose_pid_cannot_be_written_does_not_go_on(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # as a full disk would
    try:
        with wait(tmp_path) as engine:
            assert engine.wait(20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_pid_of_an_earlier_engine_is_gone_as_soon_as_the_lock_is_taken(tmp_path):
    (tmp_path / "engine.lock").write_text("1 123456789 and some more words that are long enough")
    os.close(take_lock(tmp_path / "engine.lock", time.monotonic() + 1))
    assert (tmp_path / "engine.lock").read_text().split()[0] == str(os.getpid())
    assert "and" not in (tmp_path / "engine.lock").read_text()
