"""Programs that are told what happens: signed, once, tried again, and with nothing about people."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.events import Kind
from annotator.forms.webhooks import POSTED
from annotator.models import AuditEvent, Delivery, Event, Role, Webhook
from annotator.models.webhooks import MOST_WEBHOOKS
from annotator.outgoing import RefusedAddressError
from annotator.services.telling import deliveries
from annotator.services.telling.deliveries import ATTEMPTS, DELAYS, deliver
from annotator.services.telling.notices import tell
from annotator.services.telling.webhooks import KEPT, LEFT, add_webhook, revive_deliveries, send_test
from tests.factories import coordinator_of, make_member, make_project
from tests.mail_jobs import run_mail_jobs

pytestmark = pytest.mark.django_db
ADDRESS = "https://hooks.example/a?token=sesame"
ALL = [value for value, _label in POSTED]


@pytest.fixture
def project():
    return make_project("climate", name="Climate tutor")


@pytest.fixture
def webhook(project) -> Webhook:
    return add_webhook(project=project, address=ADDRESS, kinds=ALL, actor=coordinator_of(project))


@pytest.fixture
def other_side(monkeypatch):
    """What the other side was sent; `answers` are what it does next, else it takes it."""

    class OtherSide:
        sent: list = []
        answers: list = []

    side = OtherSide()
    side.sent, side.answers = [], []

    def post(address, body, headers, **_options):
        side.sent.append((address, body, headers))
        answer = side.answers.pop(0) if side.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(deliveries, "post", post)
    return side


@pytest.fixture
def happen(project, django_capture_on_commit_callbacks):
    def happen(kind=Kind.CANDIDATE, about="version:1"):
        with django_capture_on_commit_callbacks(execute=True):
            tell(kind, project=project, about=about, facts={"number": 3, "win_rate": 0.6})

    return happen


def the_time_comes() -> None:
    Delivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def test_an_event_is_posted_with_its_signature(project, webhook, other_side, happen):
    happen()
    run_mail_jobs()
    ((address, body, headers),) = other_side.sent
    delivery = Delivery.objects.get()
    assert address == ADDRESS and headers["X-Chorus-Delivery"] == str(delivery.key)
    assert json.loads(body) == {
        "id": str(delivery.key),
        "event": "version.created",
        "project": "climate",
        "time": delivery.event.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "about": "version:1",
        "data": {"number": 3, "win_rate": 0.6},
    }
    moment, signed = (part.split("=")[1] for part in headers["X-Chorus-Signature"].split(","))
    expected = hmac.new(webhook.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    assert signed == expected.hexdigest() and abs(int(moment) - timezone.now().timestamp()) < 60
    assert (delivery.state, delivery.answer) == ("delivered", "HTTP 200")


def test_only_the_events_that_were_chosen_are_posted(project, other_side, happen):
    add_webhook(project=project, address=ADDRESS, kinds=["round.opened"], actor=coordinator_of(project))
    happen()
    happen(Kind.ROUND_OPENED, "round:1")
    run_mail_jobs()
    assert [headers["X-Chorus-Event"] for _address, _body, headers in other_side.sent] == ["round.opened"]


def test_what_single_people_are_told_is_never_posted(webhook, other_side, happen):
    happen(Kind.LEARNED)
    assert "judgments.learned" not in ALL and not Delivery.objects.exists()


def test_an_event_is_posted_once_to_each(webhook, other_side, happen):
    happen()
    happen()
    delivery = Delivery.objects.get()
    run_mail_jobs()
    assert deliver(delivery.pk) is None and len(other_side.sent) == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(webhook=webhook, event=delivery.event)


@pytest.mark.parametrize("answer", [500, 404, 302, 199, ConnectionRefusedError(), TimeoutError()])
def test_what_is_not_taken_is_tried_again_with_the_same_id(webhook, other_side, happen, answer):
    other_side.answers = [answer]
    happen()
    run_mail_jobs()
    delivery = Delivery.objects.get()
    assert delivery.state == "waiting" and delivery.next_at > timezone.now()
    run_mail_jobs()
    assert len(other_side.sent) == 1
    the_time_comes()
    run_mail_jobs(later=True)
    assert len({headers["X-Chorus-Delivery"] for _address, _body, headers in other_side.sent}) == 1
    assert Delivery.objects.get().state == "delivered" and len(other_side.sent) == 2


def test_after_the_last_attempt_it_is_given_up(webhook, other_side, happen):
    other_side.answers = [500] * 100
    happen()
    waits = []
    for _attempt in range(ATTEMPTS + 1):
        before = timezone.now()
        the_time_comes()
        later = deliver(Delivery.objects.get().pk)
        waits += [round((later - before) / timedelta(minutes=1))] if later else []
    assert waits == [1, 5, 30, 120, 720] == [delay / timedelta(minutes=1) for delay in DELAYS]
    assert len(other_side.sent) == ATTEMPTS
    assert (Delivery.objects.get().state, Delivery.objects.get().answer) == ("failed", "HTTP 500")


def test_an_address_inside_a_network_is_given_up_at_once(webhook, other_side, happen):
    other_side.answers = [RefusedAddressError("Inside.")]
    happen()
    run_mail_jobs()
    assert Delivery.objects.get().state == "failed"


def test_a_job_that_a_killed_worker_lost_is_made_again_and_old_deliveries_go(webhook, other_side, happen):
    happen()
    DBTaskResult.objects.all().delete()
    Delivery.objects.update(next_at=timezone.now() - LEFT)
    revive_deliveries()
    revive_deliveries()
    assert DBTaskResult.objects.count() == 1
    run_mail_jobs()
    assert len(other_side.sent) == 1
    Delivery.objects.update(created_at=timezone.now() - KEPT)
    revive_deliveries()
    assert not Delivery.objects.exists() and Event.objects.exists()


def test_mail_goes_before_webhooks(webhook, other_side, happen):
    happen()
    assert DBTaskResult.objects.ready().last().task_path.endswith("post_delivery")


def test_the_secret_is_shown_once_and_stored_nowhere(client, project, other_side):
    client.force_login(coordinator_of(project))
    address = reverse("webhooks", args=["climate"])
    page = client.post(address, {"address": ADDRESS, "kinds": ALL}, follow=True)
    webhook = Webhook.objects.get()
    assert webhook.secret in page.text and webhook.secret not in client.get(address).text
    assert webhook.secret not in str(Webhook.objects.values().get())
    event = AuditEvent.objects.get(verb="webhook.added")
    assert event.data == {"host": "hooks.example"}


@pytest.mark.parametrize(
    "address",
    ["", "http://hooks.example/", "https://127.0.0.1/", "https://x", "https://\0.org/",
     "https://é.example/", "https://a@example.org/", "https://" + "x" * 600,
     "https://example.org/\r\nX: y", "https://example.org:0/"],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused_with_words(client, project, address):
    client.force_login(coordinator_of(project))
    page = client.post(reverse("webhooks", args=["climate"]), {"address": address, "kinds": ALL})
    assert page.status_code == 422 and not Webhook.objects.exists()


@pytest.mark.parametrize("kinds", [[], ["judgments.learned"], ["x"], ["\0"]])
def test_events_that_are_none_are_refused(client, project, kinds):
    client.force_login(coordinator_of(project))
    page = client.post(reverse("webhooks", args=["climate"]), {"address": ADDRESS, "kinds": kinds})
    assert page.status_code == 422 and not Webhook.objects.exists()


def test_there_are_only_so_many(project):
    for _number in range(MOST_WEBHOOKS):
        add_webhook(project=project, address=ADDRESS, kinds=ALL, actor=coordinator_of(project))
    with pytest.raises(RefusedError):
        add_webhook(project=project, address=ADDRESS, kinds=ALL, actor=coordinator_of(project))


def test_a_test_is_sent_and_its_end_is_listed(
    client, project, webhook, other_side, django_capture_on_commit_callbacks
):
    client.force_login(coordinator_of(project))
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("test-webhook", args=["climate", webhook.pk]))
        page = client.post(reverse("test-webhook", args=["climate", webhook.pk]), follow=True)
    assert "still on its way" in page.text
    other_side.answers = [418]
    run_mail_jobs()
    page = client.get(reverse("webhooks", args=["climate"]))
    assert "HTTP 418" in page.text and ADDRESS.partition("?")[0] in page.text
    assert json.loads(other_side.sent[0][1])["event"] == "test"


def test_a_removed_webhook_is_sent_nothing_more(client, project, webhook, other_side, happen):
    happen()
    client.force_login(coordinator_of(project))
    client.post(reverse("remove-webhook", args=["climate", webhook.pk]))
    run_mail_jobs()
    assert other_side.sent == [] and not Webhook.objects.exists()
    assert client.post(reverse("remove-webhook", args=["climate", webhook.pk])).status_code == 404


@pytest.mark.parametrize("name", ["test-webhook", "remove-webhook"])
def test_nobody_else_reaches_a_projects_webhooks(client, project, webhook, name):
    other = make_project("tides")
    client.force_login(coordinator_of(other))
    assert client.post(reverse(name, args=["tides", webhook.pk])).status_code == 404
    client.force_login(make_member(project, Role.REVIEWER))
    assert client.post(reverse(name, args=["climate", webhook.pk])).status_code == 403
    assert client.get(reverse(name, args=["climate", webhook.pk])).status_code == 405
    assert Webhook.objects.exists()


def test_a_target_that_hangs_holds_no_mail_of_others(project, webhook, monkeypatch, happen):
    monkeypatch.setattr(deliveries, "SECONDS", 0.1)
    monkeypatch.setattr(deliveries, "post", lambda *_args, **_options: __import__("time").sleep(5))
    happen()
    run_mail_jobs()
    assert Delivery.objects.get().answer == "TimeoutError" and len(mail.outbox) == 1


def test_send_test_makes_a_new_one_after_the_last_has_ended(webhook, other_side):
    first = send_test(webhook=webhook)
    deliver(first.pk)
    assert send_test(webhook=webhook).key != first.key
