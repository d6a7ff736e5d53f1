"""The chat page with a server that runs a model: what is said there comes from the live version."""

import json
from typing import Any

import pytest
from django.urls import reverse

from tests.factories import make_member
from tests.training.chat.making import make_turn
from tests.training.serving.making import QUESTION, make_talking, tick_until_served
from training.models import QueuePlace, Reply, ServingSettings
from training.services.serving.supervisor import Supervisor
from training.services.versions.releases import release_version

pytestmark = pytest.mark.django_db
NDJSON = {"headers": {"accept": "application/x-ndjson"}}


@pytest.fixture
def project(talkers: list[dict[str, Any]], supervisor: Supervisor):
    project = make_talking(talkers)
    ServingSettings.objects.create(project=project, max_answer_tokens=16)
    tick_until_served(supervisor, project.versions.live().get())
    return project


def test_answers_are_of_the_version_that_is_live_when_they_are_asked_for(client, project, supervisor):
    client.force_login(make_member(project))
    client.post(reverse("chat", args=[project.slug]), {"question": QUESTION})
    version = project.versions.get(number=1)
    release_version(version=version, actor=None)
    tick_until_served(supervisor, version)
    client.post(reverse("chat", args=[project.slug]), {"question": QUESTION})
    replies = Reply.objects.order_by("pk")
    assert [reply.version.number for reply in replies] == [0, 1]
    assert all(reply.text and reply.is_whole for reply in replies)


def test_a_stopped_answer_gives_its_place_at_the_server_back(client, project):
    member = make_member(project)
    client.force_login(member)
    turn = make_turn(project, member, QUESTION, answers=(), may_teach=False)
    response = client.post(reverse("answer-turn", args=[project.slug, turn.pk]), **NDJSON)
    lines = iter(response.streaming_content)
    next(line for line in lines if b"text" in line)
    client.post(reverse("stop-answer", args=[project.slug, turn.pk]))
    assert json.loads([*lines][-1])["turn"]
    assert not QueuePlace.objects.exists()
