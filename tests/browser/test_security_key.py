"""A security key as second factor, with a key that the browser pretends to have."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from tests.factories import make_user
make_user("kim@example.org", "Kim")
"""
KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/account/login/")
    page.locator("[name=login]").fill("kim@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def test_a_security_key_is_added_and_from_then_on_needed_to_sign_in(site: Site, page: Page):
    site.manage("shell", "-c", MATERIAL)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    url = site.url.replace("127.0.0.1", "localhost")  # a key belongs to a name
    sign_in(page, url)
    page.goto(f"{url}/account/2fa/webauthn/add/")
    page.locator("[name=password]").fill(PASSWORD)  # it asks anew who it is
    page.locator("main form button").first.click()
    page.wait_for_url("**/webauthn/add/")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("main")).to_contain_text("recovery codes", ignore_case=True)
    page.goto(f"{url}/account/2fa/")
    expect(page.locator("main")).to_contain_text("1 security key")

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, url)
    expect(page).to_have_url(re.compile("/2fa/authenticate/"))
    page.goto(f"{url}/account/")
    expect(page).to_have_url(re.compile("/account/login/|/2fa/authenticate/"))
    page.goto(f"{url}/account/2fa/authenticate/")
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/account/")
    expect(page.locator("main")).to_contain_text("kim@example.org")
