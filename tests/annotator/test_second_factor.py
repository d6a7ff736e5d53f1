"""Where the site asks coordinators for a second factor, one without it does nothing of a coordinator's."""

import re
import runpy
from pathlib import Path

import pytest
import sesame.utils
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from annotator.models import AuditEvent, Invitation, Role
from annotator.services.invitations.inviting import invite
from tests.annotator.test_access import all_patterns
from tests.api import API_OPERATIONS, address_of, client_of
from tests.factories import PASSWORD, coordinator_of, make_member, make_project

R_OR_C = {Role.REVIEWER, Role.COORDINATOR}


@pytest.fixture
def required(settings):
    settings.SECOND_FACTOR_ROLES = {"coordinator"}


def pages_of_coordinators() -> list[str]:
    """The address of every page and act that volunteers may not use; what it names need not exist."""
    patterns = {route: pattern.callback for route, pattern in all_patterns()}
    routes = [f"/{route}" for route, view in patterns.items() if set(getattr(view, "roles", "V")) <= R_OR_C]
    filled = [re.sub(r"<int:\w+>", "1", route.replace("<slug:slug>", "climate")) for route in routes]
    filled = [route.replace("<section:section>", "ranking") for route in filled]
    return [re.sub(r"<\w+:\w+>", "x", route) for route in filled]


def test_every_page_and_act_of_a_coordinator_leads_to_where_it_is_set_up(
    client, project, coordinator, required
):
    client.force_login(coordinator)
    before = AuditEvent.objects.count()
    assert len(pages_of_coordinators()) > 30
    for address in pages_of_coordinators():
        answers = [client.post(address), client.get(address)]
        assert {answer.url for answer in answers if answer.status_code != 405} == {reverse("mfa_index")}
    assert AuditEvent.objects.count() == before


def test_every_operation_of_a_coordinator_is_refused_to_their_token_too(project, coordinator, required):
    client = client_of(coordinator)
    for name, method, allowed in API_OPERATIONS:
        answer = getattr(client, method)(address_of(name, project))
        is_refused = answer.status_code == 403 and "second factor" in answer.json()["detail"]
        assert is_refused == (Role.VOLUNTEER not in allowed), name


@pytest.mark.parametrize("kind", [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
def test_with_one_they_act_as_before(client, project, coordinator, required, kind):
    Authenticator.objects.create(user=coordinator, type=kind, data={"secret": "x"})
    client.force_login(coordinator)
    assert client.get(reverse("people", args=["climate"])).status_code == 200
    assert client_of(coordinator).get(reverse("api-project", args=["climate"])).status_code == 200


def test_recovery_codes_alone_are_none(client, project, coordinator, required):
    RecoveryCodes.activate(coordinator)
    client.force_login(coordinator)
    assert client.get(reverse("people", args=["climate"])).url == reverse("mfa_index")


def test_an_invitation_that_they_made_before_works_once_they_have_one(client, project, coordinator, required):
    _, token = invite(project=project, role=Role.COORDINATOR, email="", actor=coordinator)
    newcomer = {"token": token, "name": "Bo", "email": "bo@example.org", "password": PASSWORD}
    assert client.post(reverse("accept-invitation"), newcomer).status_code == 410
    TOTP.activate(coordinator, generate_totp_secret())
    assert client.post(reverse("accept-invitation"), newcomer).status_code == 302
    assert project.memberships.filter(user__email="bo@example.org", role=Role.COORDINATOR).exists()


def test_without_one_they_can_rank_and_read_what_to_do(client, project, coordinator, required):
    client.force_login(coordinator)
    page = client.get(reverse("project", args=["climate"]))
    assert "Set up a second factor" in page.text and page.context["role"] == Role.VOLUNTEER
    assert reverse("people", args=["climate"]) not in page.text
    assert client.get(reverse("desk", args=["climate"])).status_code == 200
    page = client.get(reverse("people", args=["climate"]), follow=True)
    assert "asks coordinators for one" in page.text


def test_a_form_sent_by_htmx_leads_there_as_a_whole_page(client, project, coordinator, required):
    client.force_login(coordinator)
    page = client.post(
        reverse("people", args=["climate"]), {"role": "volunteer"}, headers={"HX-Request": "true"}
    )
    assert page["HX-Redirect"] == reverse("mfa_index") and not Invitation.objects.exists()


def test_others_are_not_asked_and_cost_no_query(client, project, settings, django_assert_num_queries):
    from annotator.access import role_in_force

    member = make_member(project, Role.REVIEWER)
    settings.SECOND_FACTOR_ROLES = {"coordinator"}
    membership = member.memberships.get()
    with django_assert_num_queries(0):
        assert role_in_force(member, membership) == Role.REVIEWER
    client.force_login(member)
    assert client.get(reverse("people", args=["climate"])).status_code == 403


def test_where_the_site_does_not_ask_nobody_needs_one(client, project, coordinator):
    client.force_login(coordinator)
    assert client.get(reverse("people", args=["climate"])).status_code == 200


def test_the_environment_says_whether_it_is_asked(monkeypatch, settings):
    path = str(Path(settings.BASE_DIR) / "config" / "settings.py")
    for asked, roles in ((None, set()), ("optional", set()), ("coordinators", {"coordinator"})):
        monkeypatch.delenv("CHORUS_SECOND_FACTOR", raising=False)
        if asked:
            monkeypatch.setenv("CHORUS_SECOND_FACTOR", asked)
        assert runpy.run_path(path)["SECOND_FACTOR_ROLES"] == roles
    monkeypatch.setenv("CHORUS_SECOND_FACTOR", "yes")
    with pytest.raises(ImproperlyConfigured, match="CHORUS_SECOND_FACTOR"):
        runpy.run_path(path)


def test_a_code_of_an_authenticator_signs_in_once(db):
    ada = coordinator_of(make_project())
    secret = generate_totp_secret()
    TOTP.activate(ada, secret)
    code = _code(secret)
    pages = []
    for browser in (Client(), Client()):
        browser.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
        pages.append(browser.post(reverse("mfa_authenticate"), {"code": code}))
    assert [page.status_code for page in pages] == [302, 200]


def test_a_recovery_code_signs_in_once_in_place_of_the_factor(db):
    ada = coordinator_of(make_project())
    TOTP.activate(ada, generate_totp_secret())
    code = RecoveryCodes.activate(ada).get_unused_codes()[0]
    pages = []
    for browser in (Client(), Client()):
        browser.post(reverse("account_login"), {"login": ada.email, "password": PASSWORD})
        pages.append(browser.post(reverse("mfa_authenticate"), {"code": code}))
    assert [page.status_code for page in pages] == [302, 200]


@pytest.mark.parametrize("name", ["mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_add_webauthn"])
def test_who_changes_the_factor_is_asked_who_they_are_once_more(client, db, name):
    ada = coordinator_of(make_project())
    TOTP.activate(ada, generate_totp_secret())
    client.force_login(ada)
    for answer in (client.get(reverse(name)), client.post(reverse(name))):
        assert answer.url.startswith((reverse("account_reauthenticate"), reverse("mfa_reauthenticate")))
    assert Authenticator.objects.get(user=ada).type == Authenticator.Type.TOTP


def _code(secret: str) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.fixture
def browsers(db):
    """Two browsers of one person, and one of another."""
    project = make_project()
    ada, ben = make_member(project), make_member(project)
    browsers = []
    for user in (ada, ada, ben):
        browser = Client()
        browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
        browser.get(reverse("account"))
        browsers.append(browser)
    return browsers


def session_of(browser: Client) -> UserSession:
    return UserSession.objects.get(session_key=browser.session.session_key)


def test_one_browser_signs_another_one_out(browsers):
    here, other, _ = browsers
    end = reverse("end-session", args=[session_of(other).pk])
    page = here.get(reverse("usersessions_list"))
    assert end in page.text and reverse("end-session", args=[session_of(here).pk]) not in page.text
    assert here.post(end).url == reverse("usersessions_list")
    assert other.get(reverse("account")).status_code == 302
    assert here.get(reverse("account")).status_code == 200
    assert here.post(end).status_code == 404


def test_nobody_ends_the_session_of_another_or_the_one_they_are_in(browsers):
    here, _, bens = browsers
    for browser in (here, bens):
        assert here.post(reverse("end-session", args=[session_of(browser).pk])).status_code == 404
    assert bens.get(reverse("account")).status_code == 200
    assert here.get(reverse("end-session", args=[1])).status_code == 405


def test_the_account_page_leads_to_the_sessions(browsers):
    assert reverse("usersessions_list") in browsers[0].get(reverse("account")).text


def test_who_came_by_a_sign_in_link_and_has_no_password_can_set_one_up(client, coordinator, required):
    coordinator.set_unusable_password()
    coordinator.save()
    token = sesame.utils.get_token(coordinator)
    client.post(reverse("use-sign-in-link"), {"token": token})
    for name in ("mfa_activate_totp", "mfa_add_webauthn"):
        assert client.get(reverse(name)).status_code == 200
