"""What tools of this kind had advisories about, where no other test here looks for it (docs/security.md)."""

import runpy
import socket
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, get_resolver, reverse

from annotator.models import Membership, Role, User
from annotator.services.invitations.inviting import invite
from tests.annotator.test_access import all_patterns
from tests.api import API_OPERATIONS, address_of, client_of
from tests.factories import PASSWORD, coordinator_of, make_completion, make_member, make_project, make_prompt
from tests.ranking.making import make_assignment, make_judgment, make_round

LISTS = [name for name, method, _ in API_OPERATIONS if method == "get" and name.endswith("s")]
# Lookups of Django's ORM, by which a list would be shorter for who guesses right.
LOOKUPS = (
    "user__password__startswith",
    "project__memberships__user__password__startswith",
    "volunteer__password__startswith",
    "judgment__volunteer__email__startswith",
    "author__project__memberships__user__auth_token__key__startswith",
    "project__invitations__token_hash__startswith",
    "ordering",
    "filter",
    "fields",
)


@pytest.fixture
def judged(db):
    current = make_round(prompts=2, answers=2)
    make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    return current.project


@pytest.mark.parametrize("name", LISTS)
def test_no_query_reaches_a_column_that_a_list_does_not_offer(judged, name):
    client, address = client_of(coordinator_of(judged)), address_of(name, judged)
    plain = client.get(address).json()
    assert [lookup for lookup in LOOKUPS if client.get(address, {lookup: "x"}).json() != plain] == []


def test_who_joins_cannot_give_themselves_more(client, db):
    project = make_project()
    _, token = invite(project=project, role=Role.VOLUNTEER, email="", actor=coordinator_of(project))
    wanted = {
        "role": "coordinator",
        "project": "1",
        "is_superuser": "on",
        "is_staff": "on",
        "is_active": "on",
    }
    sent = {"token": token, "email": "ada@example.org", "name": "Ada", "password": PASSWORD, **wanted}
    client.post(reverse("accept-invitation"), sent)
    user = User.objects.get(email="ada@example.org")
    assert Membership.objects.get(user=user).role == Role.VOLUNTEER
    assert not (user.is_superuser or getattr(user, "is_staff", False))


@pytest.mark.parametrize("environment", ["production", "local"])
def test_without_a_secret_key_of_its_own_the_site_does_not_start(monkeypatch, tmp_path, environment):
    monkeypatch.delenv("CHORUS_SECRET_KEY")
    monkeypatch.setenv("CHORUS_ENV", environment)
    monkeypatch.setenv("CHORUS_DATA_DIR", str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="No secret key"):
        runpy.run_path(str(Path(site.BASE_DIR) / "config" / "settings.py"))


def test_an_address_in_a_text_is_not_fetched(client, db, monkeypatch):
    def refuse(_self: socket.socket, address: object) -> None:
        raise AssertionError(f"Something connects to {address}.")

    project = make_project()
    inside = "![x](http://169.254.169.254/latest/) http://127.0.0.1:8000/ file:///etc/passwd"
    monkeypatch.setattr(socket.socket, "connect", refuse)
    prompt = make_prompt(project, inside)
    make_completion(prompt, inside)
    client.force_login(coordinator_of(project))
    page = client.get(reverse("prompt", args=[project.slug, prompt.number]))
    assert page.status_code == 200 and "<img" not in page.text.split("<main")[1]


def test_no_address_repeats_what_it_was_sent(client, db):
    client.force_login(coordinator_of(make_project("climate")))
    answered = {}
    for _, pattern in all_patterns(get_resolver()):
        try:
            address = reverse(pattern.name, args=["climate"] if "slug" in str(pattern.pattern) else [])
        except (NoReverseMatch, TypeError):
            continue
        response = client.generic("TRACE", address, headers={"X-Secret": "never repeated"})
        answered[address] = response.status_code
        assert b"never repeated" not in response.getvalue()
    assert len(answered) > 20 and all(status >= 300 for status in answered.values()), answered
