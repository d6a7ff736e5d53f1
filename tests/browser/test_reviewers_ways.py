"""A reviewer reads what volunteers said: with a mouse, by keys, on a phone, without scripts."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from .pages import Filled

pytestmark = pytest.mark.xdist_group("browser")

JUDGMENTS = "/p/pages-between/rankings/judgments/"


@pytest.fixture
def page(filled: Filled, browser: Browser) -> Iterator[Page]:
    context = filled.context(browser, "ada", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_a_filter_works_at_once_and_is_in_the_address(page: Page):
    page.goto(JUDGMENTS)
    everything = page.locator(".judgment").count()
    assert everything == 6
    person = page.locator(".judgment .facts-line a").first
    name = person.inner_text().split()[-1]
    page.get_by_label("Verdict").select_option("all_bad")
    expect(page.locator("#count")).to_have_text("0 judgments")
    assert parse_qs(urlsplit(page.url).query)["verdict"] == ["all_bad"]
    page.go_back()
    expect(page.locator(".judgment")).to_have_count(everything)
    page.get_by_label("Search").fill("every tenth")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("2 judgments")
    page.goto(f"{JUDGMENTS}?person={name}")
    expect(page.locator(".judgment")).to_have_count(3)


def test_judgments_are_read_by_keys(page: Page):
    page.goto(JUDGMENTS)
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("j/k")
    expect(page.get_by_label("Search")).to_have_value("j/k")
    page.get_by_label("Search").fill("")
    page.get_by_role("heading", name="Judgments").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".judgment").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(".judgment").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_label("Use keys").uncheck()
    page.get_by_label("Use keys").blur()
    page.keyboard.press("j")
    expect(page.locator(".judgment:focus")).to_have_count(0)
    page.get_by_label("Use keys").check()
    page.get_by_role("heading", name="Judgments").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What was asked")).to_be_visible()


def test_without_scripts_on_a_phone_a_filter_is_kept_and_removed(filled: Filled, browser: Browser):
    context = filled.context(
        browser, "ada", java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    page.goto(JUDGMENTS)
    page.get_by_label("Verdict").select_option("ranked")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Keep this filter").click()
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("was saved")).to_be_visible()
    page.goto(JUDGMENTS)
    page.get_by_role("link", name="Mine").click()
    assert "verdict=ranked" in page.url
    page.get_by_role("button", name="Remove the filter “Mine”").click()
    expect(page.get_by_role("link", name="Mine")).to_have_count(0)
    context.close()
