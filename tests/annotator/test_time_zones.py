"""A project's times are shown in its own time zone."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.models import Completion, Project, Role
from annotator.services.members import change_role
from annotator.services.projects import change_settings
from tests.factories import coordinator_of, make_completion, make_member, make_project, make_prompt
from tests.pressing import filled

pytestmark = pytest.mark.django_db


@pytest.fixture
def paris(client) -> Project:
    project = make_project()
    Project.objects.filter(pk=project.pk).update(timezone="Europe/Paris")
    client.force_login(coordinator_of(project))
    return Project.objects.get(pk=project.pk)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29 Mar 2026, 01:59"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29 Mar 2026, 03:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25 Oct 2026, 02:30"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25 Oct 2026, 02:30"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "1 Jan 2027, 00:30"),
    ],
)
def test_times_are_the_projects_on_both_sides_of_a_clock_change(client, paris, moment, shown):
    completion = make_completion(make_prompt(paris))
    Completion.objects.filter(pk=completion.pk).update(created_at=moment)
    page = client.get(reverse("prompt", args=[paris.slug, completion.prompt.number])).text
    assert shown in page
    assert page.count("Europe/Paris") == 1


def test_the_zone_ends_with_the_request(client, paris):
    client.get(reverse("project", args=[paris.slug]))
    assert timezone.get_current_timezone_name() == "UTC"
    assert "Europe/Paris" not in client.get(reverse("account")).text


def test_what_changed_meanwhile_is_told_in_the_projects_zone(client, paris, monkeypatch):
    membership = paris.memberships.get(user=make_member(paris))
    with monkeypatch.context() as then:
        then.setattr(timezone, "now", lambda: datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
        change_role(membership=membership, role=Role.REVIEWER, actor=coordinator_of(paris))
    sent = {"shown": "role=volunteer", "role": "coordinator"}
    answer = client.post(reverse("change-role", args=[paris.slug, membership.pk]), sent)
    assert answer.status_code == 409 and "2 Jul 2026, 00:30" in answer.text


def test_a_zone_that_this_machine_does_not_know_leaves_the_pages_readable(client, paris):
    Project.objects.filter(pk=paris.pk).update(timezone="Mars/Base")
    assert client.get(reverse("project", args=[paris.slug])).status_code == 200


def test_a_coordinator_chooses_among_zones_that_there_are(client, paris):
    address = reverse("settings", args=[paris.slug])
    client.post(address, filled(client, address, timezone="Asia/Kathmandu"))
    paris.refresh_from_db()
    assert paris.timezone == "Asia/Kathmandu"
    for wrong in ("Mars/Base", "", "../etc/passwd", "UTC\0"):
        assert client.post(address, filled(client, address, timezone=wrong)).status_code == 422
    paris.refresh_from_db()
    assert paris.timezone == "Asia/Kathmandu"


def test_a_change_of_zone_is_refused_to_programs_that_name_none_there_is(paris):
    with pytest.raises(Exception, match="no time zone"):
        change_settings(project=paris, values={"timezone": "Mars/Base"}, actor=coordinator_of(paris))
