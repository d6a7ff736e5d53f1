"""One's settings, data and account in a real browser, without a line of JavaScript."""

from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.factories import PASSWORD

from .conftest import Site, sign_in

pytestmark = pytest.mark.xdist_group("browser")
EMAIL = "wanda@example.org"
MATERIAL = f"""
from annotator.models import User
from tests.factories import make_user

User.objects.filter(email="{EMAIL}").delete()
make_user("{EMAIL}", "Wanda")
"""


@pytest.fixture
def plain(browser: Browser, site: Site) -> Iterator[Page]:
    """A light phone that runs no scripts, with Wanda signed in."""
    site.manage("shell", "-c", MATERIAL)
    phone = {"width": 320, "height": 700}
    context = browser.new_context(
        base_url=site.url, viewport=phone, color_scheme="light", java_script_enabled=False
    )
    page = context.new_page()
    sign_in(page, EMAIL)
    yield page
    context.close()


def look_of(page: Page) -> tuple[str, str, int]:
    """The page's background, the size of its text, and by how much it is wider than the screen."""
    body = page.locator("body")
    return (
        body.evaluate("body => getComputedStyle(body).backgroundColor"),
        body.evaluate("body => getComputedStyle(body).fontSize"),
        body.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"),
    )


def test_the_looks_that_somebody_chose_win_over_their_device(plain: Page):
    plain.goto("/account/settings/")
    assert look_of(plain) == ("rgb(251, 250, 247)", "16px", 0)
    plain.get_by_label("Dark").check()
    plain.get_by_label("Larger").check()
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_role("status").first).to_contain_text("Your settings were saved")
    assert look_of(plain) == ("rgb(18, 22, 20)", "22px", 0)


def test_an_account_is_downloaded_and_erased(plain: Page):
    plain.goto("/account/")
    with plain.expect_download() as started:
        plain.get_by_role("link", name="Download your data").click()
    with ZipFile(started.value.path()) as archive:
        assert EMAIL in archive.read("account.json").decode()
    plain.get_by_role("link", name="Erase your account").click()
    plain.get_by_label("Your e-mail address").fill(EMAIL)
    plain.get_by_role("button", name="Erase my account").click()
    plain.locator("[name=password]").fill(PASSWORD)
    plain.get_by_role("button", name="Confirm").click()
    expect(plain.get_by_role("heading", name="Your account is erased")).to_be_visible()
    plain.goto("/account/")
    assert "/account/login/" in plain.url
