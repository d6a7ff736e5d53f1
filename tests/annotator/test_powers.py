"""What a person could do ends with what it came from: a role, a password, an account."""

import re
import time
from datetime import datetime, timedelta
from threading import Event

import pytest
from allauth.account.forms import default_token_generator
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth import get_user
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from annotator.errors import RefusedError
from annotator.models import Invitation, Role, User
from annotator.services.erasing import erase_person
from annotator.services.invitations.inviting import accept_invitation, invite
from annotator.services.members import change_role, remove_member
from annotator.services.sign_in import create_sign_in_link, use_sign_in_link
from annotator.services.telling.mail import make_mail
from annotator.services.tokens import create_api_token
from tests.api import client_of
from tests.factories import PASSWORD, make_member, make_user
from tests.mail_jobs import run_mail_jobs
from tests.racing import at_once

NEW_PASSWORD = "another long phrase"
NEWCOMER = {"email": "back@example.org", "name": "Back", "password": PASSWORD}


@pytest.fixture
def second(project):
    """A coordinator beside the first."""
    return make_member(project, Role.COORDINATOR, "second@example.org", "Second")


@pytest.fixture
def link(project, second):
    return invite(project=project, role=Role.COORDINATOR, email="", actor=second, days=60)[1]


@pytest.fixture
def ada(db):
    return make_user("ada@example.org", "Ada")


def signed_in(user: User, password: str = PASSWORD) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": password})
    assert get_user(client) == user
    client.get(reverse("account"))  # is listed among the sessions from then on
    return client


def demote(project, user: User) -> None:
    membership = project.memberships.get(user=user)
    change_role(membership=membership, role=Role.VOLUNTEER, actor=user)


def remove(project, user: User) -> None:
    remove_member(membership=project.memberships.get(user=user), actor=user)


def deactivate(project, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def erase(project, user: User) -> None:
    project.memberships.filter(user=user).delete()
    erase_person(user=user)


def token_in(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


# Invitations


@pytest.mark.parametrize("end", [demote, remove, deactivate, erase])
def test_an_invitation_ends_with_the_power_of_who_made_it(client, project, coordinator, second, link, end):
    end(project, second)
    page = client.post(reverse("accept-invitation"), {"token": link, **NEWCOMER})
    assert page.status_code == 410 and "no longer coordinates the project" in page.text
    assert not User.objects.filter(email=NEWCOMER["email"]).exists()
    assert Invitation.objects.get(role=Role.COORDINATOR, used_at=None).revoked_at is None


def test_who_was_removed_does_not_come_back_by_a_link_of_their_own(
    client, project, coordinator, second, link
):
    remove(project, second)
    client.force_login(second)
    assert client.post(reverse("accept-invitation"), {"token": link}).status_code == 410
    assert not project.memberships.filter(user=second).exists()


def test_the_people_page_says_who_made_an_invitation_and_that_it_has_ended(
    client, project, coordinator, second, link
):
    client.force_login(coordinator)
    address = reverse("people", args=["climate"])
    page = client.get(address).text
    assert "made by <bdi>Second</bdi>" in page and "until " in page
    demote(project, second)
    page = client.get(address).text
    assert "who made it is no longer a coordinator" in page
    pk = Invitation.objects.get(role=Role.COORDINATOR, used_at=None).pk
    revoke = reverse("revoke-invitation", args=["climate", pk])
    assert revoke in page
    client.post(revoke)
    change_role(membership=project.memberships.get(user=second), role=Role.COORDINATOR, actor=coordinator)
    with pytest.raises(RefusedError, match="revoked"):
        accept_invitation(token=link, **NEWCOMER)


@pytest.mark.django_db(transaction=True)
def test_who_joins_while_the_maker_is_removed_waits_and_is_refused(project, coordinator, second, link):
    is_removed, others_tried = Event(), Event()

    def act(removes):
        if removes:
            with transaction.atomic():
                remove(project, second)
                is_removed.set()
                others_tried.wait(timeout=0.5)
            return
        is_removed.wait(timeout=30)
        with pytest.raises(RefusedError, match="no longer coordinates"):
            accept_invitation(token=link, **NEWCOMER)
        others_tried.set()

    at_once(act, [True, False])
    assert not User.objects.filter(email=NEWCOMER["email"]).exists()


# Roles


@pytest.mark.parametrize(("end", "status"), [(demote, 403), (remove, 404)])
def test_a_session_and_a_token_have_the_role_of_the_moment(project, coordinator, second, end, status):
    browser, program = signed_in(second), client_of(second)
    page, operation = reverse("people", args=["climate"]), reverse("api-datasets", args=["climate"])
    assert (browser.get(page).status_code, program.get(operation).status_code) == (200, 200)
    end(project, second)
    assert (browser.get(page).status_code, program.get(operation).status_code) == (status, status)
    assert browser.post(page, {"role": "coordinator", "days": 60}).status_code == status


def test_who_can_no_longer_sign_in_has_neither_session_nor_token_nor_link(ada):
    browser, program, address = signed_in(ada), client_of(ada), create_sign_in_link(ada)
    deactivate(None, ada)
    assert not get_user(browser).is_authenticated
    assert program.get(reverse("api-projects")).status_code == 401
    with pytest.raises(RefusedError):
        use_sign_in_link(token=token_in(address))


# Passwords


def change_password(ada: User, browser: Client) -> None:
    values = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    browser.post(reverse("account_change_password"), values)


def reset_password(ada: User, browser: Client) -> None:
    values = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    visitor = Client()
    page = visitor.get(reset_link(ada), follow=True)
    visitor.post(page.redirect_chain[-1][0], values)


def set_on_the_command_line(ada: User, browser: Client) -> None:
    again = User.objects.get(pk=ada.pk)
    again.set_password(NEW_PASSWORD)
    again.save()


def reset_link(user: User) -> str:
    Client().post(reverse("account_reset_password"), {"email": user.email})
    run_mail_jobs()
    return re.search(r"http://[^/]+(\S+)", mail.outbox[-1].body)[1]


WAYS = [change_password, reset_password, set_on_the_command_line]


@pytest.mark.parametrize("change", WAYS)
def test_another_password_ends_the_api_token(ada, change):
    program, browser = client_of(ada), signed_in(ada)
    assert program.get(reverse("api-projects")).status_code == 200
    change(ada, browser)
    ada.refresh_from_db()
    assert ada.check_password(NEW_PASSWORD)
    assert program.get(reverse("api-projects")).status_code == 401


@pytest.mark.parametrize("change", WAYS)
def test_another_password_ends_the_other_sessions(ada, change):
    here, elsewhere = signed_in(ada), signed_in(ada)
    change(ada, here)
    assert not get_user(elsewhere).is_authenticated
    assert get_user(here).is_authenticated == (change is change_password)


@pytest.mark.parametrize("change", WAYS)
def test_another_password_ends_sign_in_links_and_links_to_reset_it(ada, change):
    browser = signed_in(ada)
    sign_in, reset = create_sign_in_link(ada), reset_link(ada)
    change(ada, browser)
    with pytest.raises(RefusedError):
        use_sign_in_link(token=token_in(sign_in))
    page = Client().get(reset, follow=True)
    assert 'name="password1"' not in page.text


def test_links_end_with_their_time(ada, monkeypatch):
    now = time.time()
    with monkeypatch.context() as back:
        back.setattr(time, "time", lambda: now - settings.SESAME_MAX_AGE - 60)
        sign_in = create_sign_in_link(ada)
    with monkeypatch.context() as back:
        made = datetime.now() - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 60)
        back.setattr(default_token_generator, "_now", lambda: made)
        reset = reset_link(ada)
    with pytest.raises(RefusedError):
        use_sign_in_link(token=token_in(sign_in))
    assert 'name="password1"' not in Client().get(reset, follow=True).text


def test_a_sign_in_ends_links_that_were_made_before(ada):
    sign_in, reset = create_sign_in_link(ada), reset_link(ada)
    signed_in(ada)
    with pytest.raises(RefusedError):
        use_sign_in_link(token=token_in(sign_in))
    assert 'name="password1"' not in Client().get(reset, follow=True).text


def test_signing_in_and_saving_other_things_leave_the_token(ada):
    program = client_of(ada)
    browser = signed_in(ada)
    browser.post(reverse("account"), {"name": "Ada L."})
    assert program.get(reverse("api-projects")).status_code == 200


def test_who_signed_in_with_the_old_password_makes_no_token_after_it_was_changed(ada):
    signed_in_before = User.objects.get(pk=ada.pk)
    set_on_the_command_line(ada, Client())
    with pytest.raises(RefusedError, match="Sign in with the new one"):
        create_api_token(user=signed_in_before)
    assert not Token.objects.exists()


# The second factor


def test_a_second_factor_ends_what_was_signed_in_without_it(ada, rf):
    here, elsewhere, program = signed_in(ada), signed_in(ada), client_of(ada)
    request = rf.post("/")
    request.session, request.user = here.session, ada
    factor = TOTP.activate(ada, generate_totp_secret()).instance
    authenticator_added.send(sender=Authenticator, request=request, user=ada, authenticator=factor)
    assert get_user(here).is_authenticated
    assert not get_user(elsewhere).is_authenticated
    assert program.get(reverse("api-projects")).status_code == 401


# Mail


def test_the_link_that_ends_mail_does_nothing_else(client, ada):
    User.objects.update(mail_round_opened=True)
    message = make_mail(user=ada, subject="A round", body="Open.", chosen=["mail_round_opened"])
    address = re.search(r"http://[^/]+(\S+/stop/)", message.body)[1]
    before = User.objects.values().get(pk=ada.pk)
    client.post(address)
    assert User.objects.values().get(pk=ada.pk) == before | {"mail_round_opened": False}
    assert not get_user(client).is_authenticated


# What its owner sees


def test_the_account_page_says_when_the_token_was_made_and_what_ends_it(client, ada):
    client.force_login(ada)
    assert "You have none." in client.get(reverse("account")).text
    create_api_token(user=ada)
    page = client.get(reverse("account")).text
    assert "You have one, made on" in page and "change your password" in page
    assert reverse("revoke-api-token") in page
