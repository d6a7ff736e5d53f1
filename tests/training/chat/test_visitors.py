"""The chat without an account: for everybody where the project says so, and nothing of it is kept."""

import json
from collections.abc import Iterator

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from tests.factories import PASSWORD, make_member
from tests.training.making import make_trainable
from tests.training.serving.stand_in import StandIn, let_answer, standing_in
from training.models import Conversation, QueuePlace, ServingSettings
from training.services.clock import tick

pytestmark = pytest.mark.django_db
NDJSON = {"headers": {"accept": "application/x-ndjson"}}


@pytest.fixture
def project():
    project = make_trainable()
    ServingSettings.objects.create(project=project, audience="public")
    return project


@pytest.fixture
def model(project) -> Iterator[StandIn]:
    with standing_in() as server:
        let_answer(project, server.address)
        yield server


def url(project, name="talk"):
    return reverse(name, args=[project.slug])


def test_a_visitor_talks_and_nothing_is_stored_but_in_the_session(client, project, model):
    page = client.post(url(project), {"question": "Why is it warm?"}, follow=True)
    assert "Because of the <strong>sun</strong>." in page.text and "gone an hour after" in page.text
    assert f"{reverse('account_login')}?next={url(project, 'chat')}" in page.text
    client.post(url(project), {"question": "And at night?"})
    assert [each["content"] for each in model.asked[-1]["messages"]] == [
        "Why is it warm?",
        "Because of the **sun**.",
        "And at night?",
    ]
    assert not Conversation.objects.exists() and not QueuePlace.objects.exists()
    assert client.session.get_expiry_age() == 3600


def test_what_a_visitor_said_is_deleted_an_hour_later_by_the_clock(client, project, model):
    client.post(url(project), {"question": "Why is it warm?"})
    Session.objects.update(expire_date=timezone.now())
    tick()
    assert not Session.objects.exists()


def test_the_script_gets_the_answer_in_pieces_and_again_another_one(client, project, model):
    made = client.post(url(project), {"question": "Why?", "script": "1"}).json()
    assert "There is no answer yet" in made["turn"]
    model.answers = ["First.", "Second one."]
    for expected in ("First.", "Second one."):
        response = client.post(url(project, "talk-answer"), **NDJSON)
        events = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
        assert "".join(each.get("text", "") for each in events) == expected
        assert expected in events[-1]["turn"] and expected in client.get(url(project, "talk-turn")).text
    assert client.get(url(project)).text.count('class="turn"') == 1


def test_an_answer_can_be_stopped(client, project, model):
    client.post(url(project), {"question": "Why?", "script": "1"})
    model.goes_on.clear()
    lines = iter(client.post(url(project, "talk-answer"), **NDJSON).streaming_content)
    next(line for line in lines if b"text" in line)
    assert client.post(url(project, "talk-stop")).status_code == 204
    assert [json.loads(line) for line in lines][-1]["said"] == "Stopped."
    assert "Because" in client.get(url(project)).text


def test_what_was_forgotten_meanwhile_does_not_come_back(client, project, model):
    client.post(url(project), {"question": "Why?", "script": "1"})
    response = client.post(url(project, "talk-answer"), **NDJSON)
    lines = iter(response.streaming_content)
    next(lines)
    client.post(url(project, "talk-forget"))
    assert "deleted meanwhile" in [json.loads(line) for line in lines][-1]["error"]
    assert "Why?" not in client.get(url(project)).text


def test_a_session_that_ends_while_an_answer_is_kept_takes_it_along(client, project, model, monkeypatch):
    client.post(url(project), {"question": "Why?", "script": "1"})
    lines = iter(client.post(url(project, "talk-answer"), **NDJSON).streaming_content)
    next(lines)
    save = SessionStore.save

    def save_too_late(self, *args, **kwargs):
        Session.objects.all().delete()
        save(self, *args, **kwargs)

    monkeypatch.setattr(SessionStore, "save", save_too_late)
    assert "deleted meanwhile" in [json.loads(line) for line in lines][-1]["error"]
    assert not Session.objects.exists()


def test_an_answer_stays_where_no_other_one_comes(client, project):
    with standing_in() as server:
        let_answer(project, server.address)
        client.post(url(project), {"question": "Why?"})
    response = client.post(url(project, "talk-answer"), **NDJSON)
    last = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()][-1]
    assert "cannot be reached" in last["error"] and "Because" in last["turn"]
    assert "Because" in client.get(url(project)).text


def test_who_signs_in_begins_anew_with_a_session_of_the_usual_length(client, project, model):
    member = make_member(project)
    client.post(url(project), {"question": "Why is it warm?"})
    client.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    assert "Why is it warm?" not in client.get(url(project)).text
    assert "As a member of this project" in client.get(url(project)).text
    assert client.session.get_expiry_age() > 24 * 3600


@pytest.mark.parametrize("question", ["", "a\0b", "x" * 4001])
def test_what_cannot_be_asked_is_shown_again(client, project, model, question):
    page = client.post(url(project), {"question": question})
    assert page.status_code == 422 and 'role="alert"' in page.text
    assert client.post(url(project), {"question": question, "script": "1"}).json()["error"]
    assert not model.asked


def test_without_a_question_there_is_nothing_to_answer(client, project, model):
    assert client.post(url(project, "talk-answer")).url == url(project)
    assert client.get(url(project, "talk-turn")).text == ""


def test_a_server_that_is_down_is_told(client, project):
    page = client.post(url(project), {"question": "Why?"}, follow=True)
    assert "cannot be reached just now" in page.text and "Get an answer" in page.text


@pytest.mark.parametrize("audience", ["members", "nobody"])
@pytest.mark.parametrize("name", ["talk", "talk-answer", "talk-turn", "talk-stop", "talk-forget"])
def test_a_project_that_is_not_public_is_not_there(client, project, audience, name):
    ServingSettings.objects.update(audience=audience)
    act = client.get if name in ("talk", "talk-turn") else client.post
    assert act(url(project, name)).status_code == 404
    client.force_login(make_member(project))
    assert act(url(project, name)).status_code == 404


@pytest.mark.parametrize("name", ["talk-answer", "talk-stop", "talk-forget"])
def test_acts_refuse_get(client, project, name):
    assert client.get(url(project, name)).status_code == 405
