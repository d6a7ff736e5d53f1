"""People are told what happened: once, in one mail an hour, and only what they want and may know."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.events import TOLD, Kind
from annotator.forms.personal_settings import MAIL, MAIL_OF_COORDINATORS
from annotator.models import Event, Notice, Role, User
from annotator.services.members import remove_member
from annotator.services.telling.mail_notices import PAUSE, send_notices
from annotator.services.telling.notices import LEFT, revive_notices, take_back, tell
from annotator.tasks import mail_notices
from tests.factories import coordinator_of, make_member, make_project
from tests.mail_jobs import run_mail_jobs

pytestmark = pytest.mark.django_db
FACTS = {"people": 3, "number": 3, "judgments": 2, "win_rate": 61, "time": "2026-12-06T17:00:00+00:00"}


@pytest.fixture
def project():
    project = make_project("climate", name="Climate tutor")
    project.timezone = "Europe/Paris"
    project.save()
    return project


@pytest.fixture
def ada(project) -> User:
    return coordinator_of(project)


@pytest.fixture
def happen(django_capture_on_commit_callbacks):
    """Tell of an event as an act that is committed does."""

    def happen(project, kind=Kind.CANDIDATE, about="version:1", **more):
        with django_capture_on_commit_callbacks(execute=True):
            return tell(kind, project=project, about=about, facts=FACTS, **more)

    return happen


def an_hour_passes() -> None:
    Notice.objects.exclude(sent_at=None).update(sent_at=timezone.now() - PAUSE)


@pytest.mark.parametrize("language", ["en", "es", "fr", "ar"])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_told_in_every_language(project, ada, happen, kind, language):
    User.objects.update(interface_language=language, mail_round_opened=True)
    happen(project, kind)
    run_mail_jobs()
    (message,) = mail.outbox
    assert message.to == [ada.email] and "Climate tutor" in message.subject
    assert "%" not in message.subject and "%(" not in message.body
    assert f"http://127.0.0.1:8000/p/{project.slug}/" in message.body


def test_times_are_those_of_the_project(project, happen):
    User.objects.update(mail_round_opened=True)
    happen(project, Kind.ROUND_ENDING)
    run_mail_jobs()
    assert "6 p.m. (Europe/Paris)" in mail.outbox[0].body


def test_the_settings_page_has_a_box_for_every_kind():
    named = {name for told in TOLD.values() for name in told.settings}
    assert set(Kind) == set(TOLD) and named == {*MAIL, *MAIL_OF_COORDINATORS}


def test_nobody_is_told_twice(project, ada, happen):
    event = happen(project)
    assert happen(project) is None
    mail_notices.enqueue(ada.pk)
    run_mail_jobs()
    an_hour_passes()
    mail_notices.enqueue(ada.pk)
    run_mail_jobs()
    assert len(mail.outbox) == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(event=event, user=ada)


def test_an_act_that_is_undone_is_not_told(project, django_capture_on_commit_callbacks):
    def undone():
        with transaction.atomic():
            tell(Kind.CANDIDATE, project=project, about="version:1", facts=FACTS)
            raise RuntimeError

    with django_capture_on_commit_callbacks(execute=True) as jobs, pytest.raises(RuntimeError):
        undone()
    assert jobs == [] and not Event.objects.exists()


def test_who_acted_is_not_told(project, ada, happen):
    bob = make_member(project, Role.COORDINATOR)
    happen(project, Kind.RELEASED, actor=ada)
    run_mail_jobs()
    assert [message.to for message in mail.outbox] == [[bob.email]]
    assert f"By {ada}" in mail.outbox[0].body


def test_only_coordinators_are_told_of_what_they_decide(project, happen):
    make_member(project), make_member(project, Role.REVIEWER)
    happen(project)
    assert [notice.user for notice in Notice.objects.all()] == [coordinator_of(project)]


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_can_be_turned_off(project, ada, happen, kind):
    User.objects.update(**{TOLD[kind].settings[-1]: False})
    happen(project, kind)
    assert not Notice.objects.exists() and not DBTaskResult.objects.exists()


def test_simulated_volunteers_and_closed_accounts_are_not_written_to(project, ada, happen):
    User.objects.update(is_simulated=True)
    happen(project)
    User.objects.update(is_simulated=False, is_active=False)
    happen(project, about="version:2")
    assert not Notice.objects.exists()


def test_what_happens_within_an_hour_comes_in_one_mail_from_all_projects(project, ada, happen):
    other = make_project("tides", name="Tides", coordinator=ada)
    happen(project)
    run_mail_jobs()
    for each in (project, other):
        happen(each, Kind.UPDATE_FAILED, about="update:1")
    run_mail_jobs()
    assert len(mail.outbox) == 1
    an_hour_passes()
    run_mail_jobs(later=True)
    assert len(mail.outbox) == 2
    message = mail.outbox[1]
    assert message.subject == "Climate tutor: update 3 failed (+1)"
    assert "Climate tutor: update 3 failed" in message.body and "Tides: update 3 failed" in message.body


def test_one_link_turns_off_the_kinds_of_its_mail_and_no_other(project, ada, happen, client):
    happen(project)
    happen(project, Kind.RELEASED, about="release:1")
    run_mail_jobs()
    address = (
        mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://127.0.0.1:8000")
    )
    client.post(address)
    ada.refresh_from_db()
    assert not ada.mail_candidate and not ada.mail_decided and ada.mail_failed and ada.mail_learned


def test_what_no_longer_holds_is_not_told(project, happen):
    happen(project)
    take_back(Kind.CANDIDATE, project=project, about="version:1")
    run_mail_jobs()
    assert mail.outbox == []


def test_who_has_left_or_turned_it_off_meanwhile_is_not_told(project, ada, happen):
    bob = make_member(project, Role.COORDINATOR)
    happen(project)
    remove_member(membership=project.memberships.get(user=bob), actor=ada)
    User.objects.filter(pk=ada.pk).update(mail_candidate=False)
    run_mail_jobs()
    assert mail.outbox == [] and not Notice.objects.exists()


def test_what_the_mail_server_fails_at_waits_and_is_told_with_what_came_since(
    project, ada, happen, monkeypatch
):
    send, errors = EmailMessage.send, [ConnectionRefusedError(), TimeoutError()]
    monkeypatch.setattr(EmailMessage, "send", lambda self: (errors and _fail(errors)) or send(self))
    happen(project)
    run_mail_jobs()
    happen(project, Kind.UPDATE_FAILED, about="update:1")
    run_mail_jobs()
    assert mail.outbox == [] and ada.notices.waiting().count() == 2
    run_mail_jobs(later=True)
    assert len(mail.outbox) == 1 and not ada.notices.waiting().exists()


def _fail(errors: list[Exception]) -> None:
    raise errors.pop()


def test_an_address_that_is_refused_for_good_is_left(project, ada, happen, monkeypatch):
    refused = SMTPRecipientsRefused({ada.email: (550, b"No such mailbox")})
    monkeypatch.setattr(EmailMessage, "send", lambda self: _fail([refused]))
    happen(project)
    run_mail_jobs(later=True)
    assert not ada.notices.waiting().exists()


def test_a_job_that_a_killed_worker_lost_is_made_again(project, ada, happen):
    happen(project)
    DBTaskResult.objects.all().delete()
    revive_notices()
    assert not DBTaskResult.objects.exists()
    Event.objects.update(created_at=timezone.now() - LEFT)
    revive_notices()
    revive_notices()
    assert [job.args_kwargs["args"] for job in DBTaskResult.objects.all()] == [[ada.pk]]


def test_after_a_week_it_is_not_told_any_more(project, ada, happen):
    happen(project)
    Event.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert send_notices(ada.pk) is None and mail.outbox == []


@pytest.mark.parametrize(
    "name", ["A\r\nBcc: eve@example.org", "A\nB", "A\x85B\u2028C", "%(x)s %s %", "<b>\u202e</b>", "x" * 120]
)
def test_a_hostile_name_makes_no_header_and_no_line_of_its_own(project, ada, happen, name):
    type(project).objects.update(name=name)
    User.objects.filter(pk=ada.pk).update(name=name)
    bob = make_member(project, Role.COORDINATOR)
    happen(project, Kind.REJECTED, actor=ada)
    run_mail_jobs()
    (message,) = mail.outbox
    sent = message.message()
    assert sent["To"] == bob.email and "Bcc" not in sent and len(sent.get_all("Subject")) == 1
    assert len(message.body.splitlines()) == 6


def test_the_page_shows_coordinators_the_boxes_of_theirs(client, project, ada):
    address = reverse("personal-settings")
    client.force_login(ada)
    assert "mail_candidate" in client.get(address).text
    client.force_login(make_member(project))
    page = client.get(address).text
    assert "mail_candidate" not in page and "mail_learned" in page
