"""The pages in other languages than English, and from right to left, in a real browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Site, sign_in

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from ranking.services import open_round
from tests.factories import make_project, make_user
from tests.ranking.making import make_answers

project = make_project("languages", name="Languages", coordinator=make_user("lea@example.org", "Lea"))
open_round(project=project, author=make_answers(project, prompts=3))
"""
DESK = "/p/languages/rank/"
OpenIn = Callable[[str], Page]


@pytest.fixture(scope="module")
def material(site: Site) -> None:
    site.manage("shell", "-c", MATERIAL)


@pytest.fixture
def open_in(site: Site, browser: Browser, material: None) -> Iterator[OpenIn]:
    """A small phone whose browser prefers a language, with Lea signed in."""
    contexts = []

    def open_page(locale: str) -> Page:
        context = browser.new_context(
            base_url=site.url, locale=locale, viewport={"width": 390, "height": 800}
        )
        contexts.append(context)
        page = context.new_page()
        sign_in(page, "lea@example.org")
        return page

    yield open_page
    for context in contexts:
        context.close()
    site.manage(
        "shell", "-c", "from annotator.models import User; User.objects.update(interface_language='')"
    )


def test_the_desk_in_arabic_runs_from_right_to_left_and_never_sideways(open_in: OpenIn):
    page = open_in("ar")
    page.goto(DESK)
    expect(page.locator("html[lang='ar'][dir='rtl']")).to_have_count(1)
    brand, sign_out = page.locator(".brand").bounding_box(), page.locator(".who form").bounding_box()
    assert brand and sign_out and brand["x"] > sign_out["x"]
    text = page.locator(".answer .prose").first
    assert text.evaluate("element => getComputedStyle(element).direction") == "ltr"
    assert text.get_attribute("lang") == "en"
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_browsers_language_is_taken_until_one_is_chosen_which_keeps_the_page(open_in: OpenIn):
    page = open_in("fr-CA")
    page.goto("/account/settings/?from=here")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("button", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page).to_have_url("/account/settings/?from=here")


def test_what_a_person_chose_goes_with_them_to_another_browser(open_in: OpenIn):
    page = open_in("en")
    page.goto(DESK)
    page.get_by_role("button", name="العربي").click()
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    other = open_in("es")
    other.goto(DESK)
    expect(other.locator("html")).to_have_attribute("lang", "ar")


def test_a_language_is_chosen_without_javascript_and_before_signing_in(site: Site, browser: Browser):
    context = browser.new_context(base_url=site.url, locale="en", java_script_enabled=False)
    page = context.new_page()
    page.goto("/account/login/")
    page.locator(".languages [lang='ar']").click()
    expect(page.locator("html[lang='ar'][dir='rtl']")).to_have_count(1)
    expect(page).to_have_url("/account/login/")
    context.close()
