"""What people are told of training: reminders, failures, decisions, and what their judgments led to."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from annotator.models import Event, Notice, Role, User
from ranking.models import Round
from ranking.services import close_round, pause_round
from tests.factories import coordinator_of, make_member
from tests.mail_jobs import run_mail_jobs
from tests.training.making import make_candidate, make_finished, make_judged, make_update
from tests.training.test_clock import make_schedule
from training.failures import record_failure
from training.services.clock import MAX_ATTEMPTS, tick
from training.services.sampling.control import cancel_sampling, sample_live_version
from training.services.updates.control import request_cancel, retry_update
from training.services.versions.releases import reject_version, release_version, roll_back

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MONDAY = datetime(2026, 12, 7, 2, tzinfo=UTC)  # 03:00 in Paris


@pytest.fixture
def project(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return make_judged()


@pytest.fixture
def bob(project) -> User:
    return make_member(project, Role.COORDINATOR, name="Bob")


def told(user: User) -> list[str]:
    return list(user.notices.order_by("pk").values_list("event__kind", flat=True))


@pytest.fixture
def week(project):
    """A schedule, a round that opened days before its next time, and somebody who wants mail of rounds."""
    make_schedule(project, MONDAY - 3 * DAY)
    Round.objects.update(opened_at=MONDAY - 3 * DAY)
    vera = make_member(project, name="Vera")
    User.objects.update(mail_round_opened=True)
    return vera


def test_a_day_before_the_update_whoever_has_not_ranked_is_reminded_once(project, week):
    tick(MONDAY - DAY - timedelta(seconds=1))
    assert told(week) == []
    for later in range(3):
        tick(MONDAY - DAY + timedelta(seconds=20 * later))
    assert told(week) == ["round.ending"]
    ranked = project.rounds.get().comparisons.first().judgments.first().volunteer
    assert told(ranked) == []


def test_the_reminder_names_the_time_in_the_projects_zone(project, week, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        tick(MONDAY - DAY)
    run_mail_jobs()
    body = next(one.body for one in mail.outbox if one.to == [week.email])
    assert "Dec. 7, 2026, 3 a.m. (Europe/Paris)" in body


@pytest.mark.parametrize("setting", ["mail_round_opened", "mail_round_ending"])
def test_who_wants_no_reminder_gets_none(project, week, setting):
    User.objects.update(**{setting: False})
    tick(MONDAY - DAY)
    assert told(week) == []


def test_without_a_schedule_or_an_open_round_nobody_is_reminded(project, week):
    pause_round(project=project, actor=coordinator_of(project))
    tick(MONDAY - DAY)
    project.schedule.is_enabled = False
    project.schedule.save()
    tick(MONDAY - DAY)
    assert not Event.objects.filter(kind="round.ending").exists()


def test_in_the_first_day_of_a_round_nobody_is_reminded(project, week):
    Round.objects.update(opened_at=MONDAY - DAY)
    tick(MONDAY - timedelta(hours=2))
    assert told(week) == []


def test_a_reminder_that_waits_is_not_sent_once_the_round_has_closed(project, week):
    tick(MONDAY - DAY)
    close_round(project=project)
    assert told(week) == []


def test_a_release_thanks_whom_the_version_learned_from_with_their_own_numbers(
    project, django_capture_on_commit_callbacks
):
    make_member(project, name="Idle")
    judge = project.rounds.get().comparisons.first().judgments.first().volunteer
    version = make_finished(make_update(project))
    with django_capture_on_commit_callbacks(execute=True):
        release_version(version=version, actor=coordinator_of(project))
    (notice,) = Notice.objects.filter(event__kind="judgments.learned")
    assert (notice.user, notice.facts) == (judge, {"judgments": 12})
    run_mail_jobs()
    (message,) = [one for one in mail.outbox if one.to == [judge.email]]
    assert "it learned from 12 judgments of yours" in message.body and "win rate is 70 %" in message.body


def test_a_version_thanks_once_however_often_it_goes_live(project):
    coordinator = coordinator_of(project)
    version = make_finished(make_update(project))
    release_version(version=version, actor=coordinator)
    thanks = Notice.objects.filter(event__kind="judgments.learned").count()
    assert thanks
    Notice.objects.update(sent_at=timezone.now())
    roll_back(project=project, actor=coordinator)
    release_version(version=version, actor=coordinator)
    assert Notice.objects.filter(event__kind="judgments.learned").count() == thanks


def test_thanks_that_wait_are_not_sent_for_a_version_that_was_taken_back(project):
    release_version(version=make_finished(make_update(project)), actor=coordinator_of(project))
    assert Notice.objects.filter(event__kind="judgments.learned").exists()
    roll_back(project=project, actor=coordinator_of(project))
    assert not Notice.objects.filter(event__kind="judgments.learned").exists()


def test_a_rejected_version_thanks_nobody(project):
    reject_version(version=make_finished(make_update(project)), actor=coordinator_of(project))
    assert not Event.objects.filter(kind="judgments.learned").exists()


def test_a_candidate_is_told_until_it_is_decided(project, bob):
    version = make_finished(make_update(project))
    assert told(bob) == told(coordinator_of(project)) == ["version.created"]
    release_version(version=version, actor=coordinator_of(project))
    assert "version.created" not in told(bob)


def test_the_other_coordinators_are_told_of_a_decision(project, bob):
    ada = coordinator_of(project)
    release_version(version=make_candidate(project), actor=ada)
    roll_back(project=project, actor=bob)
    reject_version(version=make_candidate(project, 2), actor=None)
    kinds = {"version.released", "version.rolled_back", "version.rejected"}
    assert kinds & set(told(bob)) == {"version.released", "version.rejected"}
    assert kinds & set(told(ada)) == {"version.rolled_back", "version.rejected"}


def fail(work) -> None:
    work.claim()
    with record_failure(work):
        raise OSError("The disk is gone.")


def test_each_failure_of_an_update_is_told_and_a_cancelled_one_is_not(project, bob):
    update = make_update(project)
    fail(update)
    assert told(bob) == ["update.failed"]
    retry_update(update=update, actor=bob)
    fail(update)
    assert told(bob) == ["update.failed"] * 2
    retry_update(update=update, actor=bob)
    request_cancel(update=update, actor=bob)
    assert told(bob) == ["update.failed"] * 2


def test_sampling_that_failed_is_told(project, bob):
    cancel_sampling(run=sample_live_version(project=project))
    assert told(bob) == []
    fail(sample_live_version(project=project))
    assert told(bob) == ["sampling.failed"]


def test_work_that_was_given_up_is_told(project, bob):
    update = make_update(project)
    type(update).objects.update(attempt=MAX_ATTEMPTS)
    tick()
    assert told(bob) == ["update.failed"]


def test_events_hold_no_names_and_no_texts(project, bob):
    fail(make_update(project))
    release_version(version=make_candidate(project), actor=bob)
    for event in Event.objects.all():
        assert all(not isinstance(value, str) for value in event.facts.values())
