"""Mail waits for no page, and a mail server that fails is asked again, not for ever."""

import time
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from annotator.mail_jobs import DELAYS
from tests.factories import make_user
from tests.mail_jobs import run_mail_jobs

RESET = "account_reset_password"
KNOWN, UNKNOWN = "ada@example.org", "nobody@example.org"


@pytest.fixture
def ada(db):
    return make_user(KNOWN, "Ada")


@pytest.fixture
def failures(monkeypatch):
    """The errors that the mail server makes, one an attempt, before it takes the mail."""
    errors: list[Exception] = []
    send = EmailMessage.send

    def fail(message):
        if errors:
            raise errors.pop(0)
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", fail)
    return errors


def test_an_address_with_an_account_and_one_without_are_the_same_work(client, ada):
    for name, more in ((RESET, {}), ("account_login", {"password": "wrong"})):
        statements = []
        for email in (KNOWN, UNKNOWN):
            with CaptureQueriesContext(connection) as queries:
                client.post(reverse(name), {"email": email, "login": email, **more})
            statements.append([query["sql"].partition(" ")[0] for query in queries])
        assert statements[0] == statements[1]
    assert DBTaskResult.objects.count() == 2
    assert run_mail_jobs() == [TaskResultStatus.SUCCESSFUL] * 2
    assert [message.to for message in mail.outbox] == [[KNOWN]]


def test_no_job_holds_an_address_or_a_link(client, ada):
    client.post(reverse(RESET), {"email": KNOWN})
    assert DBTaskResult.objects.get().args_kwargs == {"args": [ada.pk, "en"], "kwargs": {}}


def test_the_mail_is_written_in_the_language_of_the_page_or_of_the_person(client, ada):
    client.post(reverse(RESET), {"email": KNOWN}, headers={"Accept-Language": "fr"})
    ada.interface_language = "es"
    ada.save()
    client.post(reverse(RESET), {"email": KNOWN}, headers={"Accept-Language": "fr"})
    # The first job is done after the change, too: what the person chose comes before the page.
    run_mail_jobs()
    subjects = {message.subject for message in mail.outbox}
    assert len(mail.outbox) == 2 and len(subjects) == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        SMTPServerDisconnected(),
        SMTPRecipientsRefused({KNOWN: (451, b"Try later")}),
    ],
)
def test_a_mail_server_that_fails_is_asked_again(client, ada, failures, error, caplog):
    failures.append(error)
    client.post(reverse(RESET), {"email": KNOWN})
    assert run_mail_jobs() == [TaskResultStatus.SUCCESSFUL] and mail.outbox == []
    assert "tried again later" in caplog.text and KNOWN not in caplog.text
    assert DBTaskResult.objects.ready().count() == 0
    assert run_mail_jobs(later=True) == [TaskResultStatus.SUCCESSFUL]
    assert [message.to for message in mail.outbox] == [[KNOWN]]


def test_it_is_not_asked_for_ever_and_the_job_says_so_without_the_address(client, ada, failures):
    failures += [SMTPRecipientsRefused({KNOWN: (451, b"Try later")})] * 100
    client.post(reverse(RESET), {"email": KNOWN})
    assert len(run_mail_jobs(later=True)) == len(DELAYS) + 1
    last = DBTaskResult.objects.get(status=TaskResultStatus.FAILED)
    assert "SMTPRecipientsRefused" in last.traceback and KNOWN not in last.traceback


def test_an_address_that_is_refused_for_good_is_not_tried_again(client, ada, failures):
    failures.append(SMTPRecipientsRefused({KNOWN: (550, b"No such mailbox")}))
    client.post(reverse(RESET), {"email": KNOWN})
    assert run_mail_jobs(later=True) == [TaskResultStatus.SUCCESSFUL]
    assert mail.outbox == []


def test_a_link_to_a_new_password_goes_before_the_mail_of_a_round(client, ada):
    from annotator.tasks import mail_notices

    mail_notices.enqueue(ada.pk)
    client.post(reverse(RESET), {"email": KNOWN})
    assert DBTaskResult.objects.ready().first().task_path.endswith("mail_password_reset")


def test_a_forged_host_is_not_in_the_mail(client, ada):
    client.post(reverse(RESET), {"email": KNOWN}, headers={"Host": "localhost:6666"})
    run_mail_jobs()
    assert "6666" not in mail.outbox[0].body and "localhost" not in mail.outbox[0].body


def test_a_mail_server_that_never_ends_its_answer_is_left(client, ada, monkeypatch, caplog):
    def answer_for_ever(_message):
        while True:
            time.sleep(0.01)

    monkeypatch.setattr("annotator.mail_jobs.LONGEST", 0.1)
    monkeypatch.setattr(EmailMessage, "send", answer_for_ever)
    client.post(reverse(RESET), {"email": KNOWN})
    assert run_mail_jobs() == [TaskResultStatus.SUCCESSFUL]
    assert "tried again later: TimeoutError" in caplog.text
