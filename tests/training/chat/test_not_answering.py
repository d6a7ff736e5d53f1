"""What the chat pages say beforehand while no model answers."""

import pytest
from django.urls import reverse

from annotator.models import Role
from tests.factories import coordinator_of, make_member
from tests.training.making import make_trainable
from tests.training.serving.stand_in import let_answer
from training.models import Export, ModelServer, Served, ServingSettings, UnpackedBase

pytestmark = pytest.mark.django_db
UNPACKED, STARTED, WRONG = "is being unpacked", "is being started", "something went wrong"
STATES = UnpackedBase.State


@pytest.fixture
def project():
    project = make_trainable()
    ServingSettings.objects.create(project=project, audience="public")
    return project


@pytest.fixture(params=["chat", "talk"])
def page(request, client, project):
    """What the page says now: a member's, or a visitor's."""
    if request.param == "chat":
        client.force_login(make_member(project))
    return lambda: client.get(reverse(request.param, args=[project.slug])).text


def unpacking(project, state) -> None:
    UnpackedBase.objects.update_or_create(
        location=project.base_model, defaults={"sha256": "0", "file": "base.gguf", "state": state}
    )


def told(text: str) -> list[str]:
    return [words for words in (UNPACKED, STARTED, WRONG) if words in text]


def test_the_page_says_what_it_waits_for_until_a_model_answers(page, project):
    for state in (STATES.QUEUED, STATES.RUNNING):
        unpacking(project, state)
        assert told(page()) == [UNPACKED]
    unpacking(project, STATES.SUCCEEDED)
    assert told(page()) == [STARTED]
    Export.objects.create(version=project.versions.live().get())
    assert told(page()) == [STARTED]
    let_answer(project, "http://127.0.0.1:1")
    assert told(page()) == [] and 'id="compose"' in page()
    ModelServer.objects.all().delete()  # it has ended
    assert told(page()) == [STARTED]
    assert 'id="compose"' in page(), "a message can be written meanwhile, and is kept"


def test_a_base_model_that_could_not_be_unpacked_needs_a_coordinator(page, project):
    unpacking(project, STATES.FAILED)
    assert told(page()) == [WRONG]


def test_files_that_could_not_be_made_need_a_coordinator(page, project):
    Export.objects.create(version=project.versions.live().get(), state=Export.State.FAILED)
    assert told(page()) == [WRONG]


def test_a_server_that_did_not_come_up_needs_a_coordinator(page, project):
    Served.objects.create(project=project, problem="Out of memory.")
    assert told(page()) == [WRONG] and "Out of memory" not in page()


def test_only_a_coordinator_is_led_to_what_is_wrong(client, project):
    Served.objects.create(project=project, problem="Out of memory.")
    link = reverse("serving", args=[project.slug])
    for user, is_led in ((coordinator_of(project), True), (make_member(project, Role.REVIEWER), False)):
        client.force_login(user)
        assert (link in client.get(reverse("chat", args=[project.slug])).text) == is_led


@pytest.mark.parametrize(
    ("state", "words"), [(STATES.QUEUED, UNPACKED), (STATES.FAILED, "could not be unpacked")]
)
def test_who_is_answered_names_the_base_model_that_is_not_there(client, project, state, words):
    unpacking(project, state)
    client.force_login(coordinator_of(project))
    assert words in client.get(reverse("serving", args=[project.slug])).text


def test_a_project_that_answers_nobody_says_only_that(client, project):
    ServingSettings.objects.update(audience="nobody")
    client.force_login(make_member(project))
    text = client.get(reverse("chat", args=[project.slug])).text
    assert "does not answer here" in text and told(text) == []
