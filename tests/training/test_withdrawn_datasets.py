"""Versions and updates after a volunteer took their judgments back."""

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Project, Role, User
from ranking.services import erase_account, leave_project, snapshot_preferences
from tests.api import client_of
from tests.factories import coordinator_of
from tests.training.making import make_candidate, make_finished, make_update
from training.models import ModelVersion, Update
from training.services.updates.control import retry_update
from training.services.versions.withdrawn_datasets import withdrawn_datasets

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate() -> ModelVersion:
    return make_finished(make_update())


def volunteer_of(project: Project) -> User:
    return project.memberships.filter(role=Role.VOLUNTEER).earliest("pk").user


def withdraw(project: Project) -> None:
    membership = project.memberships.filter(role=Role.VOLUNTEER).earliest("pk")
    leave_project(membership=membership, withdraw=True)


def test_a_version_is_marked_when_what_it_learned_from_is_taken_back(candidate):
    project = candidate.project
    assert withdrawn_datasets(project) == {}
    withdraw(project)
    assert withdrawn_datasets(project) == {candidate.pk: [candidate.dataset]}


def test_a_version_that_was_trained_from_a_marked_one_is_marked_too(candidate):
    project = candidate.project
    child = make_candidate(project, number=2)
    assert child.parent == candidate
    withdraw(project)
    live = project.versions.get(number=0)
    assert withdrawn_datasets(project)[child.pk] == [candidate.dataset]
    assert live.pk not in withdrawn_datasets(project)


def test_pages_and_api_name_the_datasets(candidate):
    project, client = candidate.project, Client()
    erase_account(user=volunteer_of(project))
    client.force_login(coordinator_of(project))
    page = client.get(reverse("version", args=[project.slug, candidate.number]))
    assert "withdrawn judgments" in page.text and "12 judgments of 12" in page.text
    assert "judgments withdrawn" in client.get(reverse("training", args=[project.slug])).text
    api = client_of(coordinator_of(project))
    versions = api.get(reverse("api-versions", args=[project.slug])).json()["results"]
    assert [(one["number"], one["datasets_taken_back"]) for one in versions] == [(1, [1]), (0, [])]
    one = api.get(reverse("api-version", args=[project.slug, 1])).json()
    assert one["datasets_taken_back"] == [1]


def test_nothing_is_marked_where_nobody_took_anything_back(candidate):
    client = Client()
    client.force_login(coordinator_of(candidate.project))
    page = client.get(reverse("version", args=[candidate.project.slug, candidate.number]))
    assert "withdrawn judgments" not in page.text


def test_an_update_that_is_tried_again_learns_from_no_judgment_that_was_taken_back():
    update = make_update()
    project = update.project
    update.claim()
    update.renew(dataset=snapshot_preferences(project=project))
    update.finish(Update.State.FAILED, error="The machine went down.")
    withdraw(project)
    retry_update(update=update)
    update.refresh_from_db()
    assert update.dataset is None
