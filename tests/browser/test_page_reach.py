"""What axe cannot see, on every page: room for large text and for fingers, focus, words beside errors."""

from collections import defaultdict
from pathlib import Path

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, Page

from .conftest import wait_until
from .pages import FOREIGN, VIEWS, Filled, View, opened

pytestmark = pytest.mark.xdist_group("browser")

REACH = (Path(__file__).parent / "reach.js").read_text()
PHONE = {"width": 390, "height": 664}
SMALL_PHONE = {"width": 320, "height": 640}
# Pages that do one thing, one after the other or each in its turn.
STEPS = [
    {"account_login", "sign-in-link"},
    {"guidelines", "read-guidelines"},
    {"practice", "practice-result"},
    {"add-practice", "edit-practice"},
]
TOLD = "main [aria-invalid=true], main [role=alert]:visible, main .errorlist"


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_page_is_in_reach_of_every_eye_finger_and_key(view: View, filled: Filled, browser: Browser):
    with opened(view, filled, browser, viewport=PHONE) as page:
        page.evaluate(REACH)
        wrong = {}
        if view.name not in FOREIGN:
            wrong |= {"frame": frame(page), "skip link": skip(page)}
            wrong |= {each: ask(page, each) for each in ("small", "unseenFocus", "wrongWithoutWords")}
        page.set_viewport_size(SMALL_PHONE)
        wrong["320 px"] = ask(page, "sideways") + ask(page, "cut")
        page.evaluate("document.documentElement.dir = 'rtl'")
        wrong["right to left"] = ask(page, "sideways") + ask(page, "cut")
        page.evaluate("document.documentElement.dir = 'ltr'")
        double_text(page)
        wrong["200 % text"] = ask(page, "sideways") + ask(page, "cut")
        if view.name.endswith("-error"):
            wrong["refusal"] = [] if page.locator(TOLD).count() else ["no words say what was refused"]
        assert {where: lines for where, lines in wrong.items() if lines} == {}


def ask(page: Page, check: str) -> list[str]:
    return page.evaluate(f"reach.{check}()")


def frame(page: Page) -> list[str]:
    """A page has one heading of its own, and a place for messages before there are any."""
    counts = {each: page.locator(each).count() for each in ("h1", "main", "main [role=status]")}
    wrong = [f"{number} × {each}" for each, number in counts.items() if number == 0]
    return wrong + (["several h1"] if counts["h1"] > 1 else [])


def skip(page: Page) -> list[str]:
    """Before all else the Tab key stops at a link past the header, which is seen then."""
    page.locator(".brand").focus()
    page.keyboard.press("Shift+Tab")
    link = page.locator(".skip-link:focus")
    if not link.count():
        return [page.evaluate("document.activeElement.outerHTML")]
    box = link.bounding_box()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    stays = page.evaluate("Boolean(document.activeElement.closest('header'))")
    is_seen = box and box["x"] >= 0 and box["y"] >= 0 and box["height"] >= 44
    return ["leads into the header"] * stays + ["is not seen"] * (not is_seen)


def double_text(page: Page) -> None:
    """What a reader's own setting of large text does: every size that follows it doubles."""
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    before = page.evaluate(size)
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    wait_until(page, f"{size} === {2 * before}")


def test_no_two_pages_have_one_title(filled: Filled, browser: Browser):
    titles: dict[str, set[str]] = defaultdict(set)
    for view in VIEWS:
        if view.act is None and view.status == 200:
            context = filled.context(browser, view.who)
            text = context.request.get(view.path.format(**filled.words)).text()
            title = text.partition("<title>")[2].partition("</title>")[0].strip()
            assert title.partition("·")[0].strip(), view
            titles[title].add(resolve(view.path.format(**filled.words)).view_name)
            context.close()
    shared = [names for names in titles.values() if len(names) > 1 and not all(map(is_allauths, names))]
    assert [names for names in shared if names not in STEPS] == []


def is_allauths(name: str) -> bool:
    """Its pages have one title for all steps of an act."""
    return name.startswith(("account_", "mfa_"))
