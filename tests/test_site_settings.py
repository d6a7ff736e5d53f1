"""What the environment makes of the site's settings."""

import runpy
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.test import override_settings


@pytest.mark.parametrize(
    ("address", "asked", "ours"),
    [
        ("postgres://u@db/chorus?sslmode=verify-full", {"sslmode": "verify-full"}, "prepare_threshold"),
        ("sqlite:////tmp/chorus.sqlite3?timeout=60", {"timeout": 60}, "init_command"),
    ],
)
def test_what_the_address_of_the_database_asks_for_is_kept(monkeypatch, address, asked, ours):
    monkeypatch.setenv("DATABASE_URL", address)
    read = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "settings.py"))
    options = read["DATABASES"]["default"]["OPTIONS"]
    assert ours in options and asked.items() <= options.items()


def test_in_production_a_forged_port_is_in_no_redirect_and_no_link(rf):
    from django.http import HttpResponse
    from django.middleware.security import SecurityMiddleware

    from config.hosts import SitePortMiddleware

    with override_settings(SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["chorus.example"]):
        site = SitePortMiddleware(SecurityMiddleware(lambda _request: HttpResponse()))
        for host in ("chorus.example:6666", "chorus.example:443", "chorus.example", "CHORUS.example:1"):
            request = rf.get("/p/x/", headers={"Host": host})
            assert site(request)["Location"] == "https://chorus.example/p/x/"
            assert request.build_absolute_uri("/") == "http://chorus.example/"


@pytest.mark.parametrize("host", ["evil.example", "chorus.example@evil.example", "chorus.example:x", "", "["])
def test_in_production_another_host_is_refused(rf, host):
    from config.hosts import SitePortMiddleware

    with override_settings(ALLOWED_HOSTS=["chorus.example"]), pytest.raises(DisallowedHost):
        SitePortMiddleware(lambda request: request.get_host())(rf.get("/", headers={"Host": host}))


@pytest.mark.parametrize(("environment", "drops"), [("production", True), ("local", False)])
def test_only_in_production_the_port_is_dropped(monkeypatch, environment, drops):
    monkeypatch.setenv("CHORUS_ENV", environment)
    read = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "settings.py"))
    assert (read["MIDDLEWARE"][0] == "config.hosts.SitePortMiddleware") == drops
