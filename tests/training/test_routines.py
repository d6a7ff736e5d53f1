"""Parts of the week that a project does by itself at times of their own: answers, a dataset, a report."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.utils import timezone

from annotator.models import AuditEvent, Event, Project, Role, User
from annotator.services.projects import change_settings
from annotator.services.prompts.withdrawing import restore_prompts, withdraw_prompts
from ranking.errors import SnapshotFailedError
from ranking.services import close_round, datasets, pause_round, snapshot_preferences
from tests.factories import coordinator_of, make_member
from tests.mail_jobs import run_mail_jobs
from tests.racing import at_once
from tests.training.making import PROMPTS, make_candidate, make_judged, make_trainable, make_update
from training.cron import CronError
from training.models import Routine, TrainingRun
from training.services import routines
from training.services.clock import tick
from training.services.routines import last_outcome, save_routine

pytestmark = pytest.mark.django_db
KINDS = Routine.Kind.values
DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)  # 03:00 in Paris
CLOCKS = 3


def make_routine(project: Project, kind: str, since: datetime = MONDAY - DAY, **fields: object) -> Routine:
    Project.objects.filter(pk=project.pk).update(timezone="Europe/Paris")
    project.timezone = "Europe/Paris"
    values = {"cron": "0 3 * * 1", "is_enabled": True, **fields}
    routine = save_routine(project=project, kind=kind, actor=coordinator_of(project), **values)
    Routine.objects.filter(pk=routine.pk).update(checked_at=since)
    return routine


def make_ready() -> Project:
    """A project in which each kind can be done: all of the open round is ranked, and in no dataset yet."""
    project = make_judged()
    shutil.rmtree(settings.DATA_DIR / "datasets" / project.slug, ignore_errors=True)
    return project


def done(project: Project) -> dict[str, int]:
    """How often each kind was done."""
    return {
        "sample": TrainingRun.objects.filter(project=project).count(),
        "dataset": project.datasets.count(),
        "report": Event.objects.filter(project=project, kind="report").count(),
    }


def once(*kinds: str) -> dict[str, int]:
    return {kind: int(kind in kinds) for kind in KINDS}


def causes(project: Project) -> list[str]:
    events = AuditEvent.objects.filter(project=project, verb="routine.passed_over").order_by("pk")
    return [event.data["cause"] for event in events]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_done_when_its_slot_comes_and_not_before_and_once(kind):
    project = make_ready()
    routine = make_routine(project, kind)
    tick(MONDAY - timedelta(seconds=1))
    assert done(project) == once()
    for later in range(3):
        tick(MONDAY + timedelta(seconds=20 * later))
    assert done(project) == once(kind)
    assert causes(project) == []
    assert last_outcome(routine).verb == "routine.done"


@pytest.mark.parametrize("kind", KINDS)
def test_after_weeks_off_only_the_newest_slot_is_seen_to(kind):
    project = make_ready()
    routine = make_routine(project, kind, since=MONDAY - timedelta(weeks=5))
    for later in range(2):
        tick(MONDAY + 2 * DAY + timedelta(seconds=20 * later))
    assert done(project) == once(kind)
    assert AuditEvent.objects.filter(verb__in=("routine.done", "routine.passed_over")).count() == 1
    assert datetime.fromisoformat(last_outcome(routine).data["slot"]) == MONDAY


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_off_is_not_done(kind):
    project = make_ready()
    make_routine(project, kind, is_enabled=False)
    tick(MONDAY)
    assert done(project) == once()


@pytest.mark.parametrize("kind", KINDS)
def test_while_the_round_is_paused_a_slot_is_passed_over_once(kind):
    project = make_ready()
    routine = make_routine(project, kind)
    pause_round(project=project, actor=coordinator_of(project))
    for later in range(2):
        tick(MONDAY + timedelta(seconds=20 * later))
    assert done(project) == once()
    assert causes(project) == ["paused"]
    assert last_outcome(routine).data["reason"] == "The round is paused."


def test_kinds_have_times_of_their_own_beside_each_other():
    project = make_ready()
    make_routine(project, "dataset")
    make_routine(project, "report", cron="0 3 * * 2")
    tick(MONDAY)
    assert done(project) == once("dataset")
    tick(MONDAY + DAY)
    assert done(project) == once("dataset", "report")


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 0 * * *"])
@pytest.mark.parametrize("night", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_when_the_clocks_change_a_fixed_time_comes_once(cron, night):
    project = make_ready()
    routine = make_routine(project, "report", since=night - timedelta(hours=4), cron=cron)
    for minutes in range(0, 8 * 60, 10):
        tick(night - timedelta(hours=4) + timedelta(minutes=minutes))
    events = AuditEvent.objects.about(project, "routine.done", target=routine)
    assert events.count() == done(project)["report"] == 1


def test_what_was_due_before_it_was_saved_or_in_another_zone_is_left_out(monkeypatch):
    project = make_ready()
    make_routine(project, "report", since=MONDAY)
    now = MONDAY + timedelta(hours=7)  # 04:00 in New York
    monkeypatch.setattr(timezone, "now", lambda: now)
    values = {"timezone": "America/New_York"}
    change_settings(project=project, values=values, actor=coordinator_of(project))
    save_routine(
        project=project, kind="dataset", cron="* * * * *", is_enabled=True, actor=coordinator_of(project)
    )
    tick(now)
    assert done(project) == once()


def test_a_time_that_cannot_be_is_refused_and_nothing_is_saved():
    project = make_trainable()
    for cron in ("often", "0 0 30 2 *"):
        with pytest.raises(CronError):
            save_routine(
                project=project, kind="report", cron=cron, is_enabled=True, actor=coordinator_of(project)
            )
    assert not Routine.objects.exists()


# Answers only


def test_answers_are_of_the_live_version_and_a_round_is_prepared_for_them():
    project = make_ready()
    make_routine(project, "sample")
    tick(MONDAY)
    run = TrainingRun.objects.get()
    assert (run.version, run.stage, run.update) == (project.versions.get(), "generate", None)
    assert run.round == project.rounds.preparing().get()


def test_no_answers_are_made_while_something_of_the_open_round_is_to_be_ranked():
    project = make_ready()
    assignment = project.rounds.get().assignments.first()
    type(assignment).objects.filter(pk=assignment.pk).update(state="free", volunteer=None)
    make_routine(project, "sample")
    tick(MONDAY)
    assert (done(project), causes(project)) == (once(), ["still_open"])
    close_round(project=project)
    tick(MONDAY + timedelta(weeks=1))
    assert done(project) == once("sample")


def test_no_answers_are_made_of_a_version_that_a_candidate_may_replace():
    project = make_ready()
    make_candidate(project)
    make_routine(project, "sample")
    tick(MONDAY)
    assert (done(project), causes(project)) == (once(), ["undecided"])


def test_no_answers_are_made_while_an_update_is_under_way():
    project = make_update().project
    make_routine(project, "sample")
    tick(MONDAY)
    assert (done(project)["sample"], causes(project)) == (0, ["under_way"])


# Dataset only


def test_without_anything_new_there_is_no_second_dataset():
    project = make_ready()
    snapshot_preferences(project=project)
    make_routine(project, "dataset")
    tick(MONDAY)
    assert (project.datasets.count(), causes(project)) == (1, ["nothing_new"])


def test_judgments_of_a_withdrawn_prompt_are_nothing_new_until_it_is_restored():
    project = make_ready()
    prompts = [project.prompts.first().pk]
    withdraw_prompts(project=project, prompt_ids=prompts, actor=None)
    snapshot_preferences(project=project)
    make_routine(project, "dataset")
    tick(MONDAY)
    assert causes(project) == ["nothing_new"]
    restore_prompts(project=project, prompt_ids=prompts, actor=None)
    tick(MONDAY + timedelta(days=7))
    assert (project.datasets.count(), project.datasets.first().judgments) == (2, PROMPTS)


def test_without_any_judgment_there_is_no_dataset():
    project = make_trainable()
    make_routine(project, "dataset")
    tick(MONDAY)
    assert (done(project), causes(project)) == (once(), ["nothing_new"])


def test_a_dataset_that_could_not_be_written_is_passed_over_with_the_reason(monkeypatch):
    def full(**_values: object) -> None:
        raise SnapshotFailedError("The disk is full.")

    monkeypatch.setattr(routines, "snapshot_preferences", full)
    project = make_ready()
    routine = make_routine(project, "dataset")
    tick(MONDAY)
    assert last_outcome(routine).data["reason"] == "The disk is full."


def test_a_clock_that_is_killed_before_the_dataset_is_stored_leaves_the_slot_to_the_next(monkeypatch):
    def killed(*_values: object) -> None:
        raise SystemExit  # in the transaction in which the slot was taken

    project = make_ready()
    make_routine(project, "dataset")
    publish = datasets._publish
    monkeypatch.setattr(datasets, "_publish", killed)
    with pytest.raises(SystemExit):
        tick(MONDAY)
    monkeypatch.setattr(datasets, "_publish", publish)
    tick(MONDAY + timedelta(seconds=20))
    assert done(project) == once("dataset")


# Report


@pytest.fixture
def bob() -> User:
    return make_member(make_ready(), Role.COORDINATOR, name="Bob")


def test_coordinators_who_want_it_are_told_how_the_round_stands(bob, django_capture_on_commit_callbacks):
    project = Project.objects.get()
    volunteer = make_member(project, name="Vera")
    User.objects.filter(pk=coordinator_of(project).pk).update(mail_report=False)
    make_routine(project, "report")
    with django_capture_on_commit_callbacks(execute=True):
        tick(MONDAY)
    run_mail_jobs()
    (message,) = mail.outbox
    assert message.to == [bob.email] != [volunteer.email]
    assert "round 1" in message.subject
    assert "Judgments: 12. People who gave them: 1." in message.body
    assert f"/p/{project.slug}/training/rounds/1/report/" in message.body


def test_before_the_first_round_there_is_nothing_to_report():
    project = make_trainable()
    make_routine(project, "report")
    tick(MONDAY)
    assert (done(project), causes(project)) == (once(), ["no_round"])


# Several clocks


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
def test_many_clocks_at_once_see_to_a_slot_once(kind):
    project = make_ready()
    make_routine(project, kind)
    at_once(lambda _clock: tick(MONDAY), range(CLOCKS))
    assert done(project) == once(kind)
    assert AuditEvent.objects.filter(verb__in=("routine.done", "routine.passed_over")).count() == 1


@pytest.mark.django_db(transaction=True)
def test_clocks_that_are_processes_see_to_each_slot_once():
    project = make_ready()
    for kind in KINDS:
        make_routine(project, kind)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TEST_DATABASE": str(connection.settings_dict["NAME"]),
    }
    command = [sys.executable, "-m", "tests.training.racing_clock", MONDAY.isoformat()]
    pipe = subprocess.PIPE
    clocks = [
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdin=pipe, stdout=pipe)
        for _ in range(CLOCKS)
    ]
    try:
        for clock in clocks:
            assert clock.stdout.readline() == b"ready\n"
        for clock in clocks:
            clock.stdin.close()
        assert [clock.wait(60) for clock in clocks] == [0] * CLOCKS
    finally:
        for clock in clocks:
            clock.kill()
            clock.stdout.close()
    assert done(project) == once(*KINDS)
    assert AuditEvent.objects.filter(verb__in=("routine.done", "routine.passed_over")).count() == len(KINDS)
