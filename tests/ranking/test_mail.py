"""Mail about a new round: who gets it, and how they stop it."""

import re
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, override

from annotator.models import User
from annotator.tasks import mail_event, mail_notices
from ranking.models import Round
from ranking.services import close_round, open_round
from tests.factories import make_member, make_project, make_user
from tests.mail_jobs import run_mail_jobs
from tests.ranking.making import make_answers


@pytest.fixture
def project(db):
    return make_project("climate", name="Climate\ntutor")


@pytest.fixture
def vera(project):
    vera = make_member(project, email="vera@example.org", name="Vera")
    vera.mail_round_opened = True
    vera.save()
    return vera


def open_and_mail(project, run_commits) -> Round:
    """Open a round and do what the mail worker would do for it."""
    with run_commits(execute=True):
        opened = open_round(project=project, author=make_answers(project), seed=1)
    run_mail_jobs()
    return opened


def stop_address(message) -> str:
    return re.fullmatch(r"<http://[^/]+(/.+)>", message.extra_headers["List-Unsubscribe"])[1]


def test_a_new_round_is_told_to_who_asked_for_it_and_to_nobody_else(
    project, vera, django_capture_on_commit_callbacks
):
    make_member(project, email="quiet@example.org")
    make_user("stranger@example.org", mail_round_opened=True)
    make_member(project, email="gone@example.org")
    User.objects.filter(email="gone@example.org").update(mail_round_opened=True, is_active=False)
    open_and_mail(project, django_capture_on_commit_callbacks)
    assert [message.to for message in mail.outbox] == [["vera@example.org"]]
    assert mail.outbox[0].subject == "Climate tutor: round 1 is open"
    assert reverse("desk", args=["climate"]) in mail.outbox[0].body


def test_it_is_written_in_the_readers_language(project, vera, django_capture_on_commit_callbacks):
    User.objects.filter(pk=vera.pk).update(interface_language="es")
    opened = open_and_mail(project, django_capture_on_commit_callbacks)
    english = "%(project)s: round %(number)d is open"
    with override("es"):
        subject = gettext(english)
    assert subject != english
    assert mail.outbox[0].subject == subject % {"project": "Climate tutor", "number": opened.number}


def test_no_job_is_made_where_nobody_asked(project, django_capture_on_commit_callbacks):
    make_member(project)
    author = make_answers(project)
    with django_capture_on_commit_callbacks(execute=False) as jobs:
        open_round(project=project, author=author, seed=1)
    assert jobs == []


def test_a_round_that_closed_before_the_worker_came_is_not_told(
    project, vera, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        opened = open_round(project=project, author=make_answers(project), seed=1)
    mail_notices.enqueue(vera.pk)
    mail_notices.enqueue(vera.pk + 1000)
    mail_event.enqueue(opened.pk + 1000)
    close_round(project=project)
    assert len(run_mail_jobs()) == 4
    assert mail.outbox == []


def test_a_mail_program_can_stop_the_mail_by_one_post(project, vera, django_capture_on_commit_callbacks):
    open_and_mail(project, django_capture_on_commit_callbacks)
    message = mail.outbox[0]
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    strict = Client(enforce_csrf_checks=True)
    page = strict.post(stop_address(message), {"List-Unsubscribe": "One-Click"})
    assert page.status_code == 200 and page["Content-Type"] == "text/plain"
    vera.refresh_from_db()
    assert not vera.mail_round_opened


def test_a_person_can_stop_the_mail_on_the_page(project, vera, client, django_capture_on_commit_callbacks):
    open_and_mail(project, django_capture_on_commit_callbacks)
    page = client.post(stop_address(mail.outbox[0]), follow=True)
    assert page.redirect_chain and "you will not get this mail any more" in page.text
    vera.refresh_from_db()
    assert not vera.mail_round_opened


def test_opening_the_address_stops_nothing_yet(project, vera, client, django_capture_on_commit_callbacks):
    open_and_mail(project, django_capture_on_commit_callbacks)
    page = client.get(stop_address(mail.outbox[0]))
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]
    vera.refresh_from_db()
    assert vera.mail_round_opened
    assert client.put(stop_address(mail.outbox[0])).status_code == 405


@pytest.mark.parametrize("token", ["x", "é", "A" * 5000, "a:b:c"])
def test_a_wrong_address_stops_nothing_and_says_so(vera, client, token):
    page = client.post(reverse("unsubscribe", args=[token]))
    assert page.status_code == 410 and "This link is not valid" in page.text
    vera.refresh_from_db()
    assert vera.mail_round_opened


def test_an_address_that_the_mail_server_refuses_keeps_nobody_else_from_their_mail(
    project, vera, django_capture_on_commit_callbacks, monkeypatch, caplog
):
    second = make_member(project, email="zoe@example.org")
    User.objects.filter(pk=second.pk).update(mail_round_opened=True)
    send = EmailMessage.send

    def refuse_vera(message):
        if vera.email in message.to:
            raise SMTPRecipientsRefused({vera.email: (550, b"No such mailbox")})
        return send(message)

    monkeypatch.setattr(EmailMessage, "send", refuse_vera)
    open_and_mail(project, django_capture_on_commit_callbacks)
    assert [message.to for message in mail.outbox] == [["zoe@example.org"]]
    assert "refused" in caplog.text and vera.email not in caplog.text
    assert run_mail_jobs(later=True) == []
