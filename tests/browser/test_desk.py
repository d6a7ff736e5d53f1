"""Ranking with a keyboard and with fingers, in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from annotator.models import Author, Project, User
from annotator.prompt_files import draft_from_record
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.projects import create_project
from annotator.services.prompts import add_prompts
from ranking.services import open_round
from tests.factories import make_ready

ada = User.objects.create_user("ada@example.org", name="Ada")
project = create_project(
    name="Desk", slug="desk", base_model="models/none", coordinator=ada, completions_per_comparison=3
)
drafts = [draft_from_record({"prompt": f"Why is the sea rising, {n}?"}) for n in range(8)]
prompts = add_prompts(project=project, drafts=drafts, actor=ada).prompts
author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
add_completions(author=author, texts=[(one, f"Answer number {n}.") for one in prompts for n in range(3)])
open_round(project=project, author=author)
make_ready(project, ada)
"""


@pytest.fixture(scope="module")
def material(site: Site) -> None:
    site.manage("shell", "-c", MATERIAL)


@pytest.fixture
def desk(page: Page, site: Site, material: None) -> Page:
    go_to_desk(page, site)
    return page


def go_to_desk(page: Page, site: Site) -> None:
    page.goto(site.sign_in_link("ada@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    page.goto("/p/desk/rank/")


def form_of(page: Page) -> str:
    return page.locator("#judgment-form").get_attribute("action") or ""


def test_a_comparison_is_ranked_from_the_keyboard_alone(desk: Page):
    first = form_of(desk)
    for key in "312":
        desk.keyboard.press(key)
    expect(desk.locator("#send-hint")).to_have_text("3/3")
    with desk.expect_request(lambda request: request.url.endswith(first)) as sent:
        desk.keyboard.press("Enter")
    entered = dict(part.split("=") for part in (sent.value.post_data or "").split("&"))
    assert [entered[f"rank_{place}"] for place in (1, 2, 3)] == ["3", "1", "2"]
    expect(desk.get_by_text("Saved.")).to_be_visible()
    assert form_of(desk) != first


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
    go_to_desk(page, site)
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_visible()
    context.close()


def test_without_scripts_the_form_posts_and_the_page_says_saved(browser: Browser, site: Site, material: None):
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    go_to_desk(page, site)
    for place in (1, 2, 3):
        page.locator(f"#answer-{place} .rank").first.click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#messages")).to_contain_text("Saved.")
    expect(page.locator("#judgment-form")).to_be_visible()
    context.close()
