from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user
from django.urls import reverse
from django.utils import timezone

from annotator.errors import RefusedError
from annotator.models import AuditEvent, Invitation, Membership, Role, User
from annotator.services.invitations.inviting import accept_invitation, invite, join_project, revoke_invitation
from annotator.services.members import change_role, remove_member
from tests.factories import PASSWORD, make_member, make_project, make_prompt, make_user
from tests.pressing import press

NEWCOMER = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD}


@pytest.fixture
def invitation(project, coordinator):
    return invite(project=project, role=Role.VOLUNTEER, email="", actor=coordinator)


def open_link(client, token: str, **headers: str):
    """The page that the link leads to."""
    return client.get(reverse("join", args=[token]), follow=True, headers=headers)


def send_form(client, token: str, values: dict | None = None, **headers: str):
    """Send the form of that page."""
    return client.post(reverse("accept-invitation"), {"token": token, **(values or {})}, headers=headers)


def test_the_token_of_an_invitation_is_not_stored(invitation):
    row, token = invitation
    assert len(token) >= 43
    assert token not in str(Invitation.objects.filter(pk=row.pk).values())
    assert token not in str(list(AuditEvent.objects.values()))


def test_an_invitation_lets_one_person_in_once(project, invitation):
    membership = accept_invitation(token=invitation[1], **NEWCOMER)
    assert membership.project == project and membership.role == Role.VOLUNTEER
    assert membership.user.check_password(PASSWORD)
    assert Invitation.objects.get().used_by == membership.user
    with pytest.raises(RefusedError, match="used already"):
        accept_invitation(token=invitation[1], email="eve@example.org", name="Eve", password=PASSWORD)
    assert not User.objects.filter(email="eve@example.org").exists()


def test_an_address_that_has_an_account_must_sign_in_and_keeps_the_link(invitation, stranger):
    with pytest.raises(RefusedError, match="Sign in"):
        accept_invitation(token=invitation[1], email=stranger.email.upper(), name="X", password=PASSWORD)
    membership = join_project(token=invitation[1], user=stranger)
    assert membership.role == Role.VOLUNTEER


def test_a_member_does_not_use_a_link_up(invitation, volunteer):
    with pytest.raises(RefusedError, match="already"):
        join_project(token=invitation[1], user=volunteer)
    assert Invitation.objects.usable().count() == 1


def test_a_member_who_opens_a_link_goes_to_the_project_and_leaves_the_link(client, invitation, volunteer):
    client.force_login(volunteer)
    first = open_link(client, invitation[1]).redirect_chain[-1][0]
    assert {first, send_form(client, invitation[1]).url} == {reverse("project", args=["climate"])}
    assert Invitation.objects.usable().count() == 1


def test_join_page_signs_up_and_signs_in(client, project, invitation):
    page = open_link(client, invitation[1])
    assert "Climate tutor" in page.text and "volunteer" in page.text
    page = send_form(client, invitation[1], NEWCOMER)
    assert page.url == reverse("onboarding", args=["climate"])
    assert get_user(client).email == "ada@example.org"
    assert open_link(client, invitation[1]).status_code == 410


@pytest.mark.parametrize(
    ("role", "first"),
    [(Role.VOLUNTEER, "onboarding"), (Role.REVIEWER, "onboarding"), (Role.COORDINATOR, "project")],
)
def test_who_is_here_to_rank_goes_straight_to_it(client, project, coordinator, role, first):
    _, token = invite(project=project, role=role, email="", actor=coordinator)
    assert send_form(client, token, NEWCOMER).url == reverse(first, args=["climate"])


def test_join_page_of_an_addressed_invitation_keeps_its_address(client, project, coordinator):
    _, token = invite(project=project, role=Role.REVIEWER, email="Bo@Example.org", actor=coordinator)
    send_form(client, token, {**NEWCOMER, "email": "eve@example.org"})
    assert Membership.objects.get(role=Role.REVIEWER).user.email == "bo@example.org"


def test_who_joins_is_asked_for_languages_with_those_of_the_browser_chosen(client, project, invitation):
    make_prompt(project, "ما هو؟", language="ar")
    page = open_link(client, invitation[1], accept_language="de-CH,en;q=0.7,xx;q=0.5")
    form = page.context["form"]
    assert form["languages"].initial == ["de", "en"]
    assert {"ar", "de", "en"} <= {code for code, _name in form.fields["languages"].choices}
    send_form(client, invitation[1], {**NEWCOMER, "languages": ["en"]}, accept_language="en")
    assert User.objects.get(email=NEWCOMER["email"]).languages == ["en"]


def test_the_languages_may_be_left_out_and_cannot_be_made_up(client, invitation):
    wrong = {**NEWCOMER, "languages": ["tlh"]}
    assert send_form(client, invitation[1], wrong).status_code == 422
    assert send_form(client, invitation[1], NEWCOMER).status_code == 302
    assert User.objects.get(email=NEWCOMER["email"]).languages == []


def test_who_has_an_account_is_asked_for_languages_once(client, project, invitation, stranger, coordinator):
    client.force_login(stranger)
    assert open_link(client, invitation[1]).context["languages_form"]
    send_form(client, invitation[1], {"languages": ["fr"]})
    stranger.refresh_from_db()
    assert stranger.languages == ["fr"]
    other = make_project(coordinator=coordinator)
    _, token = invite(project=other, role=Role.VOLUNTEER, email="", actor=coordinator)
    assert not open_link(client, token).context["languages_form"]
    send_form(client, token)
    stranger.refresh_from_db()
    assert stranger.languages == ["fr"]


@pytest.mark.parametrize("header", ["", "*", "x" * 5000, "de;q=9", ",;=", "zh-Hant-TW,zh"])
def test_any_accept_language_header_is_borne(client, invitation, header):
    page = open_link(client, invitation[1], accept_language=header)
    assert page.status_code == 200


def test_someone_who_is_signed_in_joins_with_one_click(client, project, invitation, stranger):
    client.force_login(stranger)
    assert "You are signed in as" in open_link(client, invitation[1]).text
    assert send_form(client, invitation[1]).url == reverse("onboarding", args=["climate"])
    assert project.memberships.filter(user=stranger, role=Role.VOLUNTEER).exists()


def test_an_invitation_for_another_address_is_refused(client, project, coordinator, stranger):
    _, token = invite(project=project, role=Role.VOLUNTEER, email="bo@example.org", actor=coordinator)
    client.force_login(stranger)
    page = send_form(client, token)
    assert page.status_code == 410 and "another e-mail address" in page.text
    assert Invitation.objects.usable().exists()
    assert not project.memberships.filter(user=stranger).exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
        ({"used_at": timezone.now()}, "used already"),
    ],
)
def test_a_link_that_no_longer_works_says_why(client, invitation, change, reason):
    Invitation.objects.update(**change)
    for page in (open_link(client, invitation[1]), send_form(client, invitation[1], NEWCOMER)):
        assert page.status_code == 410 and reason in page.text
    assert not User.objects.filter(email="ada@example.org").exists()


@pytest.mark.parametrize("token", ["x", "%00", "%ED%A0%80", "é" * 100])
def test_a_link_that_is_not_ours_is_refused(client, db, token):
    assert client.get(f"/join/{token}/").status_code in (404, 410)


@pytest.mark.parametrize(
    "wrong",
    [{"password": "short"}, {"password": "password"}, {"email": "nonsense"}, {"name": ""}, {"name": "a\0"}],
)
def test_a_wrong_sign_up_uses_nothing_up(client, invitation, wrong):
    assert send_form(client, invitation[1], {**NEWCOMER, **wrong}).status_code == 422
    assert Invitation.objects.usable().exists()
    assert not User.objects.filter(name="Ada").exists()


def test_the_join_page_refuses_other_methods(client, invitation):
    assert client.put(reverse("join", args=[invitation[1]])).status_code == 405


def test_a_coordinator_invites_and_sees_the_link_once(client, project, coordinator):
    client.force_login(coordinator)
    address = reverse("people", args=["climate"])
    page = client.post(address, {"role": "reviewer", "email": "", "days": 3}, follow=True)
    link = page.context["link"]
    assert page.redirect_chain == [(address, 302)] and link in page.text
    assert "no-store" in page["Cache-Control"]
    token = link.rstrip("/").rpartition("/")[2]
    assert Invitation.objects.for_token(token).get().role == Role.REVIEWER
    assert token not in client.get(reverse("people", args=["climate"])).text


def test_after_an_invitation_the_language_can_be_changed_and_the_page_reloaded(client, project, coordinator):
    client.force_login(coordinator)
    address = reverse("people", args=["climate"])
    page = client.post(address, {"role": "reviewer", "email": "", "days": 3}, follow=True)
    assert f'name="next" value="{address}"' in page.text
    page = client.post(reverse("choose-language"), {"language": "fr", "next": address}, follow=True)
    assert page.status_code == 200 and Invitation.objects.filter(used_at=None).count() == 1


def test_the_link_is_shown_in_its_own_project_only(client, project, coordinator):
    other = make_project(coordinator=coordinator)
    client.force_login(coordinator)
    client.post(reverse("people", args=["climate"]), {"role": "reviewer", "email": "", "days": 3})
    assert not client.get(reverse("people", args=[other.slug])).context["link"]
    assert client.get(reverse("people", args=["climate"])).context["link"]


@pytest.mark.parametrize("wrong", [{"role": "owner"}, {"days": 0}, {"days": "1" * 5000}, {"email": "@"}])
def test_a_wrong_invitation_is_not_made(client, project, coordinator, wrong):
    client.force_login(coordinator)
    values = {"role": "volunteer", "email": "", "days": 7, **wrong}
    assert client.post(reverse("people", args=["climate"]), values).status_code == 422
    assert not Invitation.objects.exists()


def test_a_revoked_invitation_cannot_be_revoked_again(client, project, coordinator, invitation):
    client.force_login(coordinator)
    url = reverse("revoke-invitation", args=["climate", invitation[0].pk])
    assert client.post(url).status_code == 302
    assert not Invitation.objects.usable().exists()
    with pytest.raises(RefusedError):
        revoke_invitation(invitation=invitation[0], actor=coordinator)
    assert "already used or revoked" in client.post(url, follow=True).text


def test_role_change_and_removal_take_effect_at_once(client, project, coordinator, volunteer):
    membership = project.memberships.get(user=volunteer)
    client.force_login(coordinator)
    people = reverse("people", args=["climate"])
    press(client, people, reverse("change-role", args=["climate", membership.pk]), role="reviewer")
    membership.refresh_from_db()
    assert membership.role == Role.REVIEWER
    press(client, people, reverse("remove-member", args=["climate", membership.pk]))
    client.force_login(volunteer)
    assert client.get(reverse("guidelines", args=["climate"])).status_code == 404
    verbs = set(AuditEvent.objects.filter(actor=coordinator).values_list("verb", flat=True))
    assert {"member.role_changed", "member.removed"} <= verbs


def test_the_last_coordinator_stays(client, project, coordinator):
    membership = project.memberships.get(user=coordinator)
    with pytest.raises(RefusedError):
        change_role(membership=membership, role=Role.VOLUNTEER, actor=coordinator)
    with pytest.raises(RefusedError):
        remove_member(membership=membership, actor=coordinator)
    client.force_login(coordinator)
    url = reverse("remove-member", args=["climate", membership.pk])
    page = press(client, reverse("people", args=["climate"]), url, follow=True)
    assert "always has a coordinator" in page.text
    assert project.memberships.get(user=coordinator).role == Role.COORDINATOR


def test_one_of_two_coordinators_may_go(project, coordinator):
    second = make_member(project, Role.COORDINATOR)
    remove_member(membership=project.memberships.get(user=coordinator), actor=second)
    assert project.memberships.get().user == second


def test_the_role_of_someone_who_is_gone_meanwhile_is_not_changed(project, coordinator, volunteer):
    gone = project.memberships.get(user=volunteer)
    project.memberships.get(user=volunteer).delete()
    with pytest.raises(RefusedError, match="no longer a member"):
        change_role(membership=gone, role=Role.REVIEWER, actor=coordinator)


def test_an_unknown_role_changes_nothing(client, project, coordinator, volunteer):
    membership = project.memberships.get(user=volunteer)
    client.force_login(coordinator)
    client.post(reverse("change-role", args=["climate", membership.pk]), {"role": "owner"})
    membership.refresh_from_db()
    assert membership.role == Role.VOLUNTEER


def test_members_and_invitations_of_another_project_are_not_found(client, project, stranger, invitation):
    client.force_login(stranger)
    membership = project.memberships.first()
    for url in (
        reverse("change-role", args=["other", membership.pk]),
        reverse("remove-member", args=["other", membership.pk]),
        reverse("revoke-invitation", args=["other", invitation[0].pk]),
    ):
        assert client.post(url, {"role": "volunteer"}).status_code == 404
    assert Invitation.objects.usable().exists()


def test_two_people_cannot_sign_up_with_one_address(project, coordinator):
    tokens = [invite(project=project, role=Role.VOLUNTEER, email="", actor=coordinator)[1] for _ in "ab"]
    accept_invitation(token=tokens[0], **NEWCOMER)
    with pytest.raises(RefusedError):
        accept_invitation(token=tokens[1], **NEWCOMER)
    assert Invitation.objects.usable().count() == 1


@pytest.mark.django_db
def test_nobody_signs_up_without_invitation(client):
    page = client.post(reverse("account_signup"), {"email": "x@example.org", "password1": PASSWORD})
    assert "invitation" in page.text
    assert not User.objects.exists()


@pytest.mark.django_db
def test_make_user_makes_a_user_who_can_sign_in(client):
    user = make_user()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert get_user(client) == user


def test_the_secret_of_a_link_is_in_the_address_of_one_request_only(client, invitation):
    page = client.get(reverse("join", args=[invitation[1]]))
    assert page.url == reverse("accept-invitation")
    assert "no-store" in page["Cache-Control"]
    page = client.get(page.url)
    assert page.status_code == 200
    assert f"next={reverse('accept-invitation')}" in page.text
    assert client.get(reverse("choose-language")).status_code == 405
    assert f'name="next" value="{reverse("accept-invitation")}"' in page.text


def test_of_two_links_in_two_tabs_each_form_uses_its_own(client, project, coordinator, stranger):
    client.force_login(stranger)
    links = [invite(project=project, role=role, email="", actor=coordinator) for role in Role]
    for _row, token in links:
        open_link(client, token)
    send_form(client, links[0][1])
    assert Invitation.objects.get(used_by=stranger) == links[0][0]


def test_who_has_an_account_signs_in_and_the_link_is_still_open(client, invitation, stranger):
    open_link(client, invitation[1])
    where = reverse("accept-invitation")
    page = client.post(
        reverse("account_login"), {"login": stranger.email, "password": PASSWORD, "next": where}, follow=True
    )
    assert page.redirect_chain[-1][0] == where and "You are signed in as" in page.text


def test_without_a_link_the_page_says_so(client, db):
    for page in (client.get(reverse("accept-invitation")), client.post(reverse("accept-invitation"))):
        assert page.status_code == 410 and "not valid" in page.text
    assert client.put(reverse("accept-invitation")).status_code == 405


def test_a_link_that_does_not_work_leaves_no_session(client, db):
    assert client.get(reverse("join", args=["no-such-link"])).status_code == 410
    assert client.get(reverse("sign-in-link", args=["no-such-link"])).status_code == 410
    assert not client.cookies.get("sessionid")


def test_a_forged_port_is_not_in_an_invitation(client, project, coordinator):
    client.force_login(coordinator)
    values = {"role": "reviewer", "email": "", "days": 3}
    page = client.post(
        reverse("people", args=["climate"]), values, follow=True, headers={"Host": "localhost:6666"}
    )
    assert page.context["link"].startswith(f"{settings.SITE_URL}/join/")
