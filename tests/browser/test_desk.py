"""Ranking with a keyboard and with fingers, in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Site, sign_in, wait_until

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from ranking.services import open_round
from tests.factories import make_newcomer, make_project, make_user
from tests.ranking.making import make_answers

ada = make_user("ada@example.org", "Ada")
project = make_project("desk", coordinator=ada, completions_per_comparison=3)
open_round(project=project, author=make_answers(project, prompts=8, answers=3))
make_newcomer(project, email="nora@example.org", name="Nora")
"""


@pytest.fixture(scope="module")
def material(site: Site) -> None:
    site.manage("shell", "-c", MATERIAL)


@pytest.fixture
def desk(page: Page, material: None) -> Page:
    go_to_desk(page)
    return page


def go_to_desk(page: Page) -> None:
    sign_in(page, "ada@example.org")
    page.goto("/p/desk/rank/")


def form_of(page: Page) -> str:
    return page.locator("#judgment-form").get_attribute("action") or ""


def test_skipping_and_moving_by_key(desk: Page):
    first = form_of(desk)
    desk.keyboard.press("s")
    expect(desk.get_by_text("Skipped.")).to_be_visible()
    assert form_of(desk) != first
    for key, card in (("ArrowDown", 1), ("j", 2), ("k", 1), ("ArrowUp", 1)):
        desk.keyboard.press(key)
        expect(desk.locator(f"#answer-{card}")).to_be_focused()
    desk.keyboard.press("?")
    expect(desk.locator("#keys-list")).to_be_hidden()


def test_cards_can_be_dragged_on_each_comparison_and_nothing_is_kept_of_the_last(desk: Page):
    desk.mouse.move(200, 200)
    wait_until(desk, "Boolean(window.Sortable?.get(document.querySelector('.answers')))")
    last = desk.locator(".answers").element_handle()
    first = form_of(desk)
    desk.keyboard.press("s")
    expect(desk.locator(f"#judgment-form:not([action='{first}'])")).to_be_visible()
    assert desk.evaluate("last => [last.isConnected, Boolean(Sortable.get(last))]", last) == [False, False]
    assert desk.evaluate("Boolean(Sortable.get(document.querySelector('.answers')))")


def test_messages_go_with_what_they_are_about(page: Page, material: None):
    sign_in(page, "nora@example.org")
    page.goto("/p/desk/rank/")
    page.get_by_role("button", name="I agree").click()
    page.wait_for_url("**/rank/")
    expect(page.locator("#messages")).to_contain_text("You are ready. Here is your first comparison.")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#desk-status")).to_have_text("Answer A is now 2 of 3.")
    first = form_of(page)
    page.keyboard.press("s")
    expect(page.locator(f"#judgment-form:not([action='{first}'])")).to_be_visible()
    expect(page.locator("#messages")).to_be_empty()
    expect(page.locator("#desk-status")).to_be_empty()


def test_keys_can_be_turned_off_for_good(desk: Page):
    desk.get_by_label("Use keys").uncheck()
    desk.reload()
    desk.keyboard.press("1")
    expect(desk.locator(".ranks input:checked")).to_have_count(0)


def test_fingers_on_a_small_phone_and_a_reload_that_loses_nothing(desk: Page):
    desk.set_viewport_size({"width": 320, "height": 640})
    assert desk.evaluate("document.documentElement.scrollWidth") == 320
    desk.locator("#answer-2 .rank").first.click()
    for button in desk.locator(".rank, .send-bar button").all():
        box = button.bounding_box()
        assert box and box["height"] >= 44 and box["width"] >= 44
    desk.get_by_text("Say why").click()
    desk.get_by_label("Reason").fill("Short and true: 1 s ?")
    desk.reload()
    expect(desk.locator("#answer-2 .ranks input").first).to_be_checked()
    expect(desk.get_by_label("Reason")).to_have_value("Short and true: 1 s ?")


def test_a_browser_that_stores_nothing_keeps_choices_as_long_as_the_page(
    browser: Browser, site: Site, material: None
):
    context = browser.new_context(base_url=site.url)
    context.add_init_script(
        "Storage.prototype.getItem = Storage.prototype.setItem = () => { throw new Error() }"
    )
    page = context.new_page()
    go_to_desk(page)
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_visible()
    context.close()
