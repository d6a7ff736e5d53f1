"""What somebody started or fetched as coordinator, once they are one no longer."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from annotator.models import Role, User
from annotator.services.members import change_role, remove_member
from annotator.services.telling.mail_notices import send_notices
from ranking.services import open_round, snapshot_preferences
from tests.api import client_of
from tests.factories import coordinator_of, make_member
from tests.training.making import SMALL, make_candidate, make_judged, make_trainable
from training.models import Update
from training.services.clock import tick
from training.services.sampling.control import sample_live_version
from training.services.schedules import save_schedule
from training.services.updates.control import start_update

pytestmark = pytest.mark.django_db
FORMER = "no longer a coordinator"


@pytest.fixture
def project():
    return make_judged()


@pytest.fixture
def second(project):
    return make_member(project, Role.COORDINATOR, name="Second")


def let_go(project, user: User) -> None:
    remove_member(membership=project.memberships.get(user=user), actor=coordinator_of(project))


def test_a_schedule_is_the_projects_and_says_who_set_it(client, project, second):
    values = {"cron": "* * * * *", "is_enabled": True, "min_new_judgments": 0}
    save_schedule(project=project, actor=second, settings=SMALL, **values)
    client.force_login(coordinator_of(project))
    pages = [reverse(name, args=[project.slug]) for name in ("schedule", "training")]
    for page in pages:
        text = client.get(page).text
        assert "Set by <bdi>Second</bdi>" in text and FORMER not in text
    let_go(project, second)
    for page in pages:
        text = client.get(page).text
        assert "Set by <bdi>Second</bdi>" in text and FORMER in text
    tick(timezone.now() + timedelta(minutes=2))
    assert project.updates.get().slot is not None


def test_an_update_goes_on_says_who_started_it_and_is_for_others_to_cancel(client, project, second):
    update = start_update(project=project, actor=second, settings=SMALL)
    let_go(project, second)
    client.force_login(second)
    cancel = reverse("cancel-update", args=[project.slug, update.number])
    assert client.post(cancel).status_code == 404
    assert (
        client_of(second).post(reverse("api-cancel-update", args=[project.slug, update.pk])).status_code
        == 404
    )
    client.force_login(coordinator_of(project))
    for name, *rest in (("update", update.number), ("training",)):
        text = client.get(reverse(name, args=[project.slug, *rest])).text
        assert "Second" in text and FORMER in text
    update.refresh_from_db()
    assert update.state == Update.State.QUEUED
    client.post(cancel)
    update.refresh_from_db()
    assert update.state == Update.State.CANCELLED


def test_what_an_update_of_theirs_makes_is_released_by_a_coordinator_alone(client, project, second):
    make_candidate(project)
    change_role(
        membership=project.memberships.get(user=second), role=Role.REVIEWER, actor=coordinator_of(project)
    )
    client.force_login(second)
    assert client.post(reverse("release-version", args=[project.slug, 1])).status_code == 403
    assert client_of(second).post(reverse("api-release", args=[project.slug, 1])).status_code == 403
    assert project.versions.live().get().number == 0


def test_sampling_that_they_started_goes_on_and_can_be_cancelled(client):
    project = make_trainable()
    second = make_member(project, Role.COORDINATOR)
    run = sample_live_version(project=project, actor=second)
    let_go(project, second)
    run.refresh_from_db()
    assert run.is_active
    client.force_login(coordinator_of(project))
    client.post(reverse("cancel-sampling", args=[project.slug, run.pk]))
    run.refresh_from_db()
    assert not run.is_active


def test_the_address_of_a_download_is_worth_nothing_without_the_role(client, project, second):
    dataset = snapshot_preferences(project=project)
    program = client_of(second)
    pages = [
        reverse("dataset-zip", args=[project.slug, dataset.number]),
        reverse("dataset-file", args=[project.slug, dataset.number, "train.jsonl"]),
    ]
    operations = [
        reverse("api-dataset-zip", args=[project.slug, dataset.number]),
        reverse("api-dataset-file", args=[project.slug, dataset.number, "train.jsonl"]),
    ]
    client.force_login(second)
    assert {client.get(page).status_code for page in pages} == {200}
    assert {program.get(operation).status_code for operation in operations} == {200}
    let_go(project, second)
    assert {client.get(page).status_code for page in pages} == {404}
    assert {program.get(operation).status_code for operation in operations} == {404}


def test_mail_that_was_queued_before_does_not_reach_who_has_gone(project, second):
    User.objects.filter(pk=second.pk).update(mail_round_opened=True)
    open_round(project=project, author=project.versions.get(number=0).author)
    assert second.notices.exists()
    let_go(project, second)
    send_notices(second.pk)
    assert mail.outbox == [] and not second.notices.exists()
