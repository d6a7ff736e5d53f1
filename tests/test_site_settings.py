"""What the environment makes of the site's settings."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.test import override_settings

ROOT = Path(settings.BASE_DIR)
OF_LIBRARIES = {"DATABASE_URL", "HF_TOKEN"}
OF_A_COMMAND = {"CHORUS_SETTINGS"}
"""What deploy/chorus-manage reads, and the site does not."""


def settings_of_the_page() -> set[str]:
    """The variables that docs/operating.md lists."""
    section = (ROOT / "docs/operating.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([A-Z_]+)` ", section, re.MULTILINE))


def names_in(*patterns: str, name: str = r"\b(CHORUS_[A-Z_]+)\b") -> set[str]:
    """The variables of ours that files name."""
    files = [file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()]
    return {found for file in files for found in re.findall(name, file.read_text())}


def test_the_page_for_operators_lists_what_the_site_reads_and_nothing_else():
    apps = (f"{app}/**/*.py" for app in ("config", "annotator", "ranking", "training"))
    read = names_in(*apps, name=r'"(CHORUS_[A-Z_]+|PROMETHEUS_[A-Z_]+)"')
    assert len(read) > 10 and settings_of_the_page() == read | OF_LIBRARIES


def test_whatever_a_page_or_a_servers_file_names_is_listed():
    named = names_in("*.md", "docs/*.md", "Makefile", "Procfile", "deploy/**/*")
    assert len(named) > 10 and named - OF_A_COMMAND <= settings_of_the_page()


def read_settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "config/settings.py"))


def test_hosts_may_be_written_with_spaces(monkeypatch):
    read = read_settings(monkeypatch, CHORUS_ENV="production", CHORUS_HOSTS="chorus.example, www.example ,")
    assert read["ALLOWED_HOSTS"] == ["chorus.example", "www.example"]


@pytest.mark.parametrize(
    ("address", "login", "tls"),
    [
        ("smtp+tls://ada%40mail.example:p%40ss%23@mail.example:2525", ("ada@mail.example", "p@ss#"), True),
        ("smtp://mail.example:2525", ("", ""), False),
    ],
)
def test_the_mail_server_is_read_from_its_address(monkeypatch, address, login, tls):
    read = read_settings(monkeypatch, CHORUS_EMAIL_URL=address)
    assert (read["EMAIL_HOST"], read["EMAIL_PORT"], read["EMAIL_USE_TLS"]) == ("mail.example", 2525, tls)
    assert (read["EMAIL_HOST_USER"], read["EMAIL_HOST_PASSWORD"]) == login


@pytest.mark.parametrize(
    "address",
    ["smtps://u:secret@mail.example:465", "mail.example:587", "smtp+tls://u:se#cret@mail.example", "smtp://"],
)
def test_an_address_of_mail_that_would_be_misread_is_refused_without_repeating_it(monkeypatch, address):
    with pytest.raises(ImproperlyConfigured, match="CHORUS_EMAIL_URL must be") as refused:
        read_settings(monkeypatch, CHORUS_EMAIL_URL=address)
    assert "mail.example" not in str(refused.value)


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


@pytest.mark.parametrize("environment", ["production", "local"])
def test_no_environment_shows_the_pages_for_debugging(monkeypatch, environment):
    assert read_settings(monkeypatch, CHORUS_ENV=environment, DEBUG="1")["DEBUG"] is False


@pytest.mark.parametrize(("environment", "drops"), [("production", True), ("local", False)])
def test_only_in_production_the_port_is_dropped(monkeypatch, environment, drops):
    monkeypatch.setenv("CHORUS_ENV", environment)
    read = runpy.run_path(str(Path(settings.BASE_DIR) / "config" / "settings.py"))
    assert (read["MIDDLEWARE"][0] == "config.hosts.SitePortMiddleware") == drops
