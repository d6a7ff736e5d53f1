"""From a judgment to a gold question, and from what is asked to what a coordinator reads of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .pages import Filled

pytestmark = pytest.mark.xdist_group("browser")

LIST = "/p/pages-gold/rankings/gold/"


@pytest.fixture
def pages(filled: Filled, browser: Browser) -> Iterator[dict[str, Page]]:
    """A coordinator at a desk, and a volunteer on a phone."""
    sizes = {"ada": {"width": 1280, "height": 800}, "vera": {"width": 390, "height": 844}}
    contexts = {name: filled.context(browser, name, viewport=size) for name, size in sizes.items()}
    yield {name: context.new_page() for name, context in contexts.items()}
    for context in contexts.values():
        context.close()


def test_a_coordinator_marks_a_comparison_and_reads_what_a_volunteer_answered(
    pages: dict[str, Page], filled: Filled
):
    ada, vera = pages["ada"], pages["vera"]
    ada.goto(LIST)
    asked = ada.locator("ul.rows > li")
    expect(asked).to_have_count(2)
    expect(asked.first).to_contain_text("answered 1 time · 100 % right")

    vera.goto("/p/pages-gold/rank/")
    vera.locator("#preferred-a").check(force=True)
    vera.locator("#send").click()
    expect(vera.locator(".desk-progress .own")).to_have_text("1 by you")
    ada.reload()
    expect(ada.get_by_text("answered 2 times")).to_be_visible()

    ada.goto("/p/pages-gold/rankings/judgments/{knowable}/".format(**filled.words))
    ada.get_by_role("link", name="Make it a gold question").click()
    ada.get_by_label("Why these ranks are right").fill("The first one is true.")
    ada.get_by_role("button", name="Make it a gold question").click()
    expect(asked).to_have_count(3)
    expect(asked.first).to_contain_text("The first one is true.")


def test_who_was_advised_closes_that_for_good(pages: dict[str, Page]):
    ada = pages["ada"]
    ada.goto("/p/pages-gold/rank/")
    advice = ada.locator("#practice-advice")
    expect(advice).to_contain_text("nothing of yours is lost")
    advice.get_by_role("button", name="Close").click()
    expect(advice).to_have_count(0)
