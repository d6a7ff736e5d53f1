"""A real site for a real browser: the web server as a process, on a database of its own."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.factories import PASSWORD
from tests.serving import ROOT, answers, create_database, free_port, wait_for

from .pages import Filled, fill

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@dataclass(frozen=True)
class Site:
    """A running site; `manage` runs one of its commands and returns what it printed."""

    url: str
    env: dict[str, str]
    console: "subprocess.Popen[str]"

    def manage(self, *arguments: str) -> str:
        assert self.console.stdin and self.console.stdout
        self.console.stdin.write(json.dumps(arguments) + "\n")
        self.console.stdin.flush()
        done: dict[str, str] = json.loads(self.console.stdout.readline())
        assert not done["error"], done["output"] + done["error"]
        return done["output"]

    def sign_in_link(self, email: str) -> str:
        """A one-time link for the user with this address."""
        found = re.search(r"http://\S+", self.manage("sign_in_link", email))
        assert found
        return found.group()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "CHORUS_ENV": "local",
        "CHORUS_SECRET_KEY": secrets.token_hex(32),
        "CHORUS_DATA_DIR": str(folder),
        "CHORUS_PORT": str(port),
        "CHORUS_BASE_MODELS": str(folder / "base-models"),
        "OMP_NUM_THREADS": "1",
    }
    if os.environ.get("DATABASE_URL"):
        env["DATABASE_URL"] = create_database(f"chorus_browser_{os.getpid()}")
    console = [sys.executable, "-m", "tests.browser.console"]
    web = [sys.executable, "-m", "config.server", "--port", str(port), "--processes", "1"]
    with (
        (folder / "site.log").open("w") as log,
        subprocess.Popen(
            console, cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, stderr=log, text=True
        ) as commands,
    ):
        site = Site(f"http://127.0.0.1:{port}", env, commands)
        site.manage("migrate", "--verbosity", "0")
        site.manage("collectstatic", "--noinput", "--verbosity", "0")
        server = subprocess.Popen(web, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(f"{site.url}/account/login/"))
            yield site
            assert not answers(f"{site.url}/join/{secrets.token_urlsafe(32)}/")
            made = secrets_of(site, folder)
        finally:
            server.terminate()
            server.wait(120)
    lines = (folder / "site.log").read_text()
    assert [secret for secret in made if secret in lines] == [], "The log has secrets."
    assert "/join/[secret]" in lines


@contextmanager
def at_work(site: Site, base: Path) -> Iterator[None]:
    """A worker beside the site whose engines start at once, after it has made a tiny base model."""
    log = base.with_name("worker.log")
    command = [sys.executable, "-m", "tests.browser.worker", str(base)]
    with log.open("w") as file:
        worker = subprocess.Popen(command, cwd=ROOT, env=site.env, stdout=file, stderr=file)
    try:
        wait_for(lambda: base.with_name("ready").exists() or worker.poll() is not None)
        assert worker.poll() is None, log.read_text()
        yield
    finally:
        worker.terminate()
        worker.wait(120)


SECRETS = """
from django.contrib.sessions.models import Session
from rest_framework.authtoken.models import Token
print(*Token.objects.values_list("key", flat=True), *Session.objects.values_list("session_key", flat=True))
"""


def secrets_of(site: Site, folder: Path) -> set[str]:
    """Every secret that a link had, and those that programs and browsers hold."""
    links = folder / "secrets.txt"
    held = site.manage("shell", "--verbosity", "0", "-c", SECRETS)
    found = f"{links.read_text()} {held}"
    return {secret for secret in found.split() if len(secret) >= 16}


@pytest.fixture(scope="session")
def filled(site: Site) -> Filled:
    """The site with something to show on every page."""
    return fill(site)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=20_000)  # a page under check shares two cores with others
    # Playwright's sync driver runs an event loop in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    yield browser
    browser.close()


# htmx reports a request that another one replaced as an error too, in these two lines.
REPLACED = ("htmx:afterRequest", "htmx:sendAbort")


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A fresh browser session; what the console reports as an error fails the test."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REPLACED):
            errors.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def sign_in(page: Page, email: str) -> None:
    page.goto("/account/login/")
    give_password(page, email)


def give_password(page: Page, email: str) -> None:
    """Fill in the sign-in page that is shown."""
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def wait_until(page: Page, expression: str, seconds: float = 10) -> None:
    """Wait for a JavaScript expression to be true; pages forbid the eval that Playwright would poll with."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)
