"""What goes with every answer in production, so that no other site or host reaches into ours."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

from annotator.models import Role
from config.messages import NamedCookieStorage
from tests.factories import PASSWORD, make_member, make_project
from tests.observatory import score

pytestmark = pytest.mark.django_db
ONES = ("SECURE_", "SESSION_COOKIE", "CSRF_COOKIE", "LANGUAGE_COOKIE", "COOKIE_PREFIX", "ALLOWED_HOSTS")


@pytest.fixture
def site(monkeypatch, tmp_path) -> Iterator[Client]:
    """A browser at the site as production sets it, behind its proxy; with one static file."""
    monkeypatch.setenv("CHORUS_ENV", "production")
    monkeypatch.setenv("CHORUS_HOSTS", "chorus.example")
    read = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "settings.py"))
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "desk.js").write_text("export {};\n")
    asked = {name: value for name, value in read.items() if name.startswith(ONES)}
    with override_settings(**asked, MIDDLEWARE=read["MIDDLEWARE"], STATIC_ROOT=tmp_path):
        yield Client(headers={"Host": "chorus.example", "X-Forwarded-Proto": "https"})


def test_mozillas_observatory_would_give_at_least_110_points(site):
    for address in (reverse("account_login"), reverse("account_reset_password"), "/nowhere/"):
        assert score(site.get(address)) >= 110


def test_the_observatorys_rules_tell_a_bare_page_from_a_safe_one():
    assert score(HttpResponse()) < 50


@pytest.mark.parametrize("address", ["/account/login/", "/static/js/desk.js", "/nowhere/", "/api/v1/schema/"])
def test_pages_files_and_refusals_have_the_same_headers(site, address):
    answer = site.get(address)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize(
    "address",
    [
        "/static/",
        "/static/js/",
        "/static/../manage.py",
        "/static/%2e%2e/manage.py",
        "/.git/config",
        "/db.sqlite3",
    ],
)
def test_nothing_but_collected_files_is_handed_out_and_no_folder_is_listed(site, address):
    assert site.get("/static/js/desk.js").status_code == 200
    assert site.get(address).status_code == 404


def test_every_cookie_is_of_this_host_alone(site, rf):
    member = make_member(make_project(), Role.VOLUNTEER)
    site.get(reverse("account_login"))
    site.post(reverse("choose-language"), {"language": "fr", "next": "/"})
    page = site.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    assert page.status_code == 302
    assert len(site.cookies) >= 3
    for name, cookie in site.cookies.items():
        assert name.startswith("__Host-") or name == NamedCookieStorage.cookie_name
        assert cookie["secure"] and cookie["httponly"]
        assert cookie["path"] == "/" and not cookie["domain"] and cookie["samesite"] == "Lax"


def test_a_message_waits_in_such_a_cookie_too(rf, monkeypatch):
    monkeypatch.setattr(settings, "COOKIE_PREFIX", "__Host-")
    storage = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "messages.py"))["MessageStorage"]
    request, response = rf.get("/"), HttpResponse()
    request.session = {}
    waiting = storage(request)
    waiting.add(messages.INFO, "Saved.")
    waiting.update(response)
    assert list(response.cookies) == ["__Host-messages"]


def test_over_plain_http_a_local_sites_cookies_have_no_prefix(client):
    client.get(reverse("account_login"))
    assert list(client.cookies) == ["csrftoken"]
