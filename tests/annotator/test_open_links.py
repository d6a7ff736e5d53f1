"""Links that let in many volunteers."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Invitation, Role, User
from annotator.services.invitations.inviting import (
    accept_invitation,
    join_project,
    make_open_link,
    revoke_invitation,
)
from annotator.services.members import change_role
from tests.factories import PASSWORD, make_member, make_user
from tests.pressing import press


def today(**days: int):
    return timezone.localdate() + timedelta(**days)


@pytest.fixture
def open_link(project, coordinator):
    return make_open_link(project=project, most_joins=2, last_day=today(days=7), actor=coordinator)


def accept(token: str, email: str):
    return accept_invitation(token=token, email=email, name="X", password=PASSWORD)


def test_an_open_link_makes_volunteers_until_it_is_full(project, open_link, stranger):
    link, token = open_link
    assert accept(token, "one@example.org").role == Role.VOLUNTEER
    assert join_project(token=token, user=stranger).role == Role.VOLUNTEER
    with pytest.raises(RefusedError, match="As many people"):
        accept(token, "three@example.org")
    link.refresh_from_db()
    assert (link.joined, link.used_by, link.used_at) == (2, None, None)
    assert not User.objects.filter(email="three@example.org").exists()
    joined = AuditEvent.objects.filter(verb="invitation.accepted", target=f"invitation:{link.pk}")
    assert {event.actor.email for event in joined} == {"one@example.org", stranger.email}


def test_the_token_of_an_open_link_is_not_stored(open_link):
    link, token = open_link
    assert len(token) >= 43
    assert token not in str(Invitation.objects.filter(pk=link.pk).values())
    assert token not in str(list(AuditEvent.objects.values()))


def test_who_is_a_member_takes_no_place(client, open_link, volunteer):
    with pytest.raises(RefusedError, match="already"):
        join_project(token=open_link[1], user=volunteer)
    client.force_login(volunteer)
    client.get(reverse("join", args=[open_link[1]]), follow=True)
    assert Invitation.objects.get(pk=open_link[0].pk).joined == 0


def test_a_failed_sign_up_takes_no_place(open_link, stranger):
    with pytest.raises(RefusedError, match="Sign in"):
        accept(open_link[1], stranger.email)
    assert Invitation.objects.get(pk=open_link[0].pk).joined == 0


def test_an_open_link_works_on_its_last_day_and_not_after_it(project, coordinator):
    link, token = make_open_link(project=project, most_joins=2, last_day=today(), actor=coordinator)
    assert link.last_day == today()
    accept(token, "one@example.org")
    Invitation.objects.update(expires_at=timezone.now())
    with pytest.raises(RefusedError, match="expired"):
        accept(token, "two@example.org")


def test_an_open_link_can_be_revoked_and_is_worth_what_its_maker_is(project, open_link, coordinator):
    other = make_member(project, Role.COORDINATOR)
    membership = project.memberships.get(user=coordinator)
    change_role(membership=membership, role=Role.VOLUNTEER, actor=other)
    with pytest.raises(RefusedError, match="no longer coordinates"):
        accept(open_link[1], "one@example.org")
    change_role(membership=membership, role=Role.COORDINATOR, actor=other)
    revoke_invitation(invitation=open_link[0], actor=other)
    with pytest.raises(RefusedError, match="revoked"):
        accept(open_link[1], "one@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"role": Role.REVIEWER}, {"email": "a@example.org"}, {"joined": 3}, {"most_joins": None, "joined": 1}],
)
def test_the_database_keeps_open_links_to_volunteers_and_to_their_most(open_link, change):
    with pytest.raises(IntegrityError):
        Invitation.objects.filter(pk=open_link[0].pk).update(**change)


def test_a_coordinator_makes_one_and_sees_it_once_with_its_counter(client, project, coordinator):
    client.force_login(coordinator)
    people, make = (reverse(name, args=["climate"]) for name in ("people", "make-open-link"))
    page = press(client, people, make, most_joins=50, follow=True)
    address = page.context["open_link"]
    assert page.redirect_chain == [(people, 302)] and address in page.text
    accept(address.rstrip("/").rpartition("/")[2], "one@example.org")
    again = client.get(people)
    assert address not in again.text and "1 of 50 joined, until" in again.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_joins": 0},
        {"most_joins": 501},
        {"most_joins": "x"},
        {"last_day": ""},
        {"last_day": "0001-01-01"},
        {"last_day": "9999-12-31"},
        {"last_day": "x\0"},
    ],
)
def test_a_wrong_open_link_is_not_made(client, project, coordinator, wrong):
    client.force_login(coordinator)
    values = {"most_joins": 5, "last_day": today().isoformat()} | wrong
    page = client.post(reverse("make-open-link", args=["climate"]), values)
    assert page.status_code == 422 and page.context["open_link_form"].errors
    assert not Invitation.objects.exists()


def test_who_opens_it_signs_up_as_a_volunteer(client, open_link):
    client.get(reverse("join", args=[open_link[1]]), follow=True)
    values = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD}
    page = client.post(reverse("accept-invitation"), values)
    assert page.url == reverse("onboarding", args=["climate"])
    assert get_user(client).memberships.get().role == Role.VOLUNTEER


def test_joining_too_often_from_one_address_has_to_wait(client, open_link, settings):
    settings.ACCOUNT_RATE_LIMITS = {"join": "2/m/ip"}
    client.force_login(make_user())
    statuses = [client.post(reverse("accept-invitation"), {"token": "x"}).status_code for _ in range(3)]
    assert statuses == [410, 410, 429]
    assert client.get(reverse("accept-invitation")).status_code == 410
