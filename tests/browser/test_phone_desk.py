"""Ranking on a phone: the first answer can be ranked on the first screen, and the question stays at hand."""

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Site, sign_in

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from annotator.models import Author
from annotator.services.completions import add_completions, get_or_create_author
from ranking.services import open_round
from tests.factories import make_project, make_prompt, make_user
import json
from training.demonstration.content import ANSWERS

pia = make_user("pia@example.org", "Pia")
words = "says in three lines of a phone what there is to say of the question, not much, but enough."
answers = [f"Answer {number} {words}" for number in range(3)]
demonstrated = max((json.loads(line)["prompt"] for line in ANSWERS.open()), key=len)
questions = {
    "phone-demonstration": demonstrated,
    "phone-long": "Where does the ice go, and what becomes of the sea? " * 20,
    "phone-lines": "\\n\\n".join(["Where does the ice go?"] * 12),
}
for slug, question in questions.items():
    project = make_project(slug, coordinator=pia, completions_per_comparison=3)
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 0")
    prompt = make_prompt(project, question)
    add_completions(author=author, texts=[(prompt, text) for text in answers])
    open_round(project=project, author=author)
"""


@pytest.fixture(scope="module")
def material(site: Site) -> None:
    site.manage("shell", "-c", MATERIAL)


@pytest.fixture
def phone(browser: Browser, site: Site, material: None):
    context = browser.new_context(
        base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    )
    page = context.new_page()
    sign_in(page, "pia@example.org")
    yield page
    context.close()


def bottom_of(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["y"] + box["height"]


@pytest.mark.parametrize("name", ["demonstration", "long", "lines"])
def test_the_first_answer_can_be_ranked_on_the_first_screen(phone: Page, name: str):
    phone.goto(f"/p/phone-{name}/rank/")
    top_of_bar = phone.locator(".send-bar").bounding_box()["y"]
    assert bottom_of(phone, "#answer-1 .rank") < top_of_bar < 844
    phone.locator("#answer-1 .rank").first.click()
    expect(phone.locator("#rank-1-1")).to_be_checked()
    assert phone.evaluate("scrollY") == 0


def test_a_long_question_is_folded_and_opens_whole(phone: Page):
    phone.goto("/p/phone-long/rank/")
    question = phone.locator("#conversation")
    folded = question.bounding_box()["height"]
    phone.get_by_role("button", name="Show the whole question").click()
    assert question.bounding_box()["height"] > 2 * folded
    phone.set_viewport_size({"width": 1280, "height": 800})
    phone.reload()
    expect(phone.get_by_role("button", name="Show the whole question")).to_be_hidden()


def test_the_question_stays_at_hand_in_one_line_that_opens(phone: Page):
    phone.goto("/p/phone-long/rank/")
    line = phone.locator("#asked-line")
    expect(line).to_be_hidden()
    phone.locator("#answer-3").scroll_into_view_if_needed()
    expect(line).to_be_visible()
    assert line.bounding_box()["y"] == 0 and line.bounding_box()["height"] < 60
    line.locator("summary").click()
    expect(line.locator(".asked-again .prose")).to_contain_text("what becomes of the sea")
    phone.evaluate("scrollTo(0, 0)")
    expect(line).to_be_hidden()
    expect(line.locator(".prose")).to_have_count(0)


def test_without_scripts_nothing_is_folded_and_nothing_lies_over_the_page(
    browser: Browser, site: Site, phone: Page
):
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 390, "height": 844},
        java_script_enabled=False,
        storage_state=phone.context.storage_state(),
    )
    page = context.new_page()
    page.goto("/p/phone-long/rank/")
    expect(page.locator("#asked-line")).to_be_hidden()
    expect(page.get_by_role("button", name="Show the whole question")).to_be_hidden()
    assert page.locator("#conversation").bounding_box()["height"] > 300
    context.close()
