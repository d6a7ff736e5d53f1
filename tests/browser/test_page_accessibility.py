"""Every page: what axe-core finds, and what it cannot see: room for text and fingers, focus, error words."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLResolver, get_resolver, resolve
from playwright.sync_api import APIResponse, Browser, Page, expect

from .conftest import wait_until
from .pages import DIALOGS, FOREIGN, VIEWS, Filled, View, opened

pytestmark = pytest.mark.xdist_group("browser")

HEIGHT = 6000  # so that nothing lies under a bar that sticks to the edge
Look = tuple[int, str, str]
# Each page is seen in both themes, directions and kinds of window; a few in all that can be combined.
TWO_LOOKS: tuple[Look, ...] = ((390, "ltr", "light"), (1280, "rtl", "dark"))
ALL_LOOKS: tuple[Look, ...] = tuple(product((320, 390, 1280), ("ltr", "rtl"), ("light", "dark")))
IN_ALL_LOOKS = {"sign-in-error", "desk-four", "desk-pair", "update-finished"}
IN_ARABIC = {"join", "desk-four"}
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What colours and direction can change; all other rules read the document, and need one look.
RULES_OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
# A sign like an arrow has no contrast that axe could tell; nor has what lies under the edge of a box that
# scrolls, unless no width shows it.
UNDECIDABLE = {"nonBmp", "shortTextContent"}
RUN_AXE = """async (options) => {
  const results = await axe.run({ ...options, preload: false });
  if (!results.passes.length) throw new Error("axe checked nothing");
  const lines = (found) => found.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) => {
    const checks = [...any, ...all, ...none];
    const words = checks.map(({ message }) => message).join("; ");
    const reasons = checks.map(({ data }) => data?.messageKey ?? "");
    return { rule: id, element: target.join(" "), words, reasons };
  }));
  return { wrong: lines(results.violations), unsure: lines(results.incomplete) };
}"""
REACH = (Path(__file__).parent / "reach.js").read_text()
PHONE = {"width": 390, "height": 664}
SMALL_PHONE = {"width": 320, "height": 640}
ERROR_WORDS = "main [aria-invalid=true], main [role=alert]:visible, main .errorlist"


def check(page: Page, looks: tuple[Look, ...]) -> list[str]:
    """What axe finds wrong in any look, or can decide in none: a line each, with the looks."""
    page.evaluate(AXE_SCRIPT)
    wrong: dict[str, list[str]] = defaultdict(list)
    unsure: dict[str, list[str]] = defaultdict(list)
    for number, (width, direction, scheme) in enumerate(looks):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate("direction => { document.documentElement.dir = direction }", direction)
        page.emulate_media(color_scheme=scheme)
        rules = {"type": "rule", "values": RULES_OF_LOOKS} if number else list(RULES)
        found: dict[str, list[dict[str, Any]]] = page.evaluate(RUN_AXE, {"runOnly": rules})
        for kind, known in (("wrong", wrong), ("unsure", unsure)):
            for each in found[kind]:
                if kind == "wrong" or not UNDECIDABLE & set(each["reasons"]):
                    known[f"{each['rule']} {each['element']}: {each['words']}"].append(
                        f"{width} {direction} {scheme}"
                    )
    asked = dict.fromkeys(RULES_OF_LOOKS, len(looks))
    undecided = {
        line: where for line, where in unsure.items() if len(where) == asked.get(line.partition(" ")[0], 1)
    }
    return [f"{line} ({', '.join(where)})" for line, where in (wrong | undecided).items()]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_page_is_accessible(view: View, filled: Filled, browser: Browser):
    with opened(view, filled, browser, viewport=PHONE) as page:
        wrong = reach(page, is_own=view.name not in FOREIGN)
        if view.name.endswith("-error"):
            has_words = page.locator(ERROR_WORDS).count()
            wrong["refusal"] = [] if has_words else ["no words say what was refused"]
        if view.name not in FOREIGN:
            wrong["axe"] = check(page, ALL_LOOKS if view.name in IN_ALL_LOOKS else TWO_LOOKS)
        assert {where: lines for where, lines in wrong.items() if lines} == {}


# Over them nothing else of their page can be reached.
@pytest.mark.parametrize("view", DIALOGS, ids=str)
def test_axe_finds_nothing_in_a_dialog(view: View, filled: Filled, browser: Browser):
    with opened(view, filled, browser) as page:
        assert check(page, TWO_LOOKS) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_phone_many_tabs_are_a_menu_that_opens_and_closes(
    scripts: bool, filled: Filled, browser: Browser
):
    view = next(view for view in VIEWS if view.name == "settings")
    with opened(view, filled, browser, viewport=PHONE, java_script_enabled=scripts) as page:
        menu, tabs = page.get_by_role("button", name="Pages of the project: Settings"), page.locator(".tabs")
        assert page.locator(".site-header").bounding_box()["height"] < PHONE["height"] / 6
        expect(tabs).to_be_hidden()
        menu.press("Enter")
        expect(tabs.get_by_role("link", name="Training")).to_be_visible()
        expect(tabs.locator("[aria-current=page]")).to_have_text("Settings")
        if scripts:
            assert check(page, tuple(product((320, 390), ("ltr", "rtl"), ("light", "dark")))) == []
        page.keyboard.press("Escape")
        expect(tabs).to_be_hidden()
        expect(menu).to_be_focused()
        menu.click()
        tabs.get_by_role("button", name="Close").click()
        expect(tabs).to_be_hidden()
        page.set_viewport_size({"width": 1280, "height": 800})
        expect(tabs).to_be_visible()
        expect(menu).to_be_hidden()


@pytest.mark.parametrize("view", [view for view in VIEWS if view.name in IN_ARABIC], ids=str)
def test_axe_finds_nothing_in_arabic(view: View, filled: Filled, browser: Browser):
    with opened(view, filled, browser, locale="ar") as page:
        assert page.locator("html[lang=ar][dir=rtl]").count() == 1
        assert check(page, ((320, "rtl", "light"), (1280, "rtl", "dark"))) == []


def test_axe_would_find_something(filled: Filled, browser: Browser):
    with opened(VIEWS[0], filled, browser) as page:
        page.evaluate("document.querySelector('main p').style.color = '#aaa'")
        page.evaluate("document.documentElement.lang = ''")
        found = " ".join(check(page, ((390, "ltr", "light"),)))
    assert "color-contrast" in found and "html-has-lang" in found


def reach(page: Page, *, is_own: bool) -> dict[str, list[str]]:
    """What is out of reach of some eye, finger or key, by where; leaves the page as it was."""
    page.evaluate(REACH)
    wrong = {}
    if is_own:
        wrong |= {"frame": frame(page), "skip link": skip(page)}
        wrong |= {each: ask(page, each) for each in ("small", "unseenFocus", "wrongWithoutWords")}
    page.set_viewport_size(SMALL_PHONE)
    wrong["320 px"] = ask(page, "sideways") + ask(page, "cut")
    page.evaluate("document.documentElement.dir = 'rtl'")
    wrong["right to left"] = ask(page, "sideways") + ask(page, "cut")
    page.evaluate("document.documentElement.dir = 'ltr'")
    with doubled_text(page):
        wrong["200 % text"] = ask(page, "sideways") + ask(page, "cut")
    return wrong


def ask(page: Page, question: str) -> list[str]:
    found: list[str] = page.evaluate(f"reach.{question}()")
    return found


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


@contextmanager
def doubled_text(page: Page) -> Iterator[None]:
    """What a reader's own setting of large text does: every size that follows it doubles."""
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    before = page.evaluate(size)
    devtools = page.context.new_cdp_session(page)
    for standard, fixed, times in ((32, 26, 2), (16, 13, 1)):
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": standard, "fixed": fixed}})
        wait_until(page, f"{size} === {times * before}")
        if times == 2:
            yield


# Arguments for addresses that no page above has: enough for them to say that they are no pages.
# Text, to who has a token; files of versions; parts of pages, which a script asks for.
PLAIN = {"metrics", "adapter-file", "export-file", "turn", "talk-turn"}
ARGUMENTS = {
    "part": "base",
    "person": "x",
    "project": "x",
    "number": 1,
    "section": "ranking",
    "file_format": "csv",
    "name": "manifest.json",
    "key": "1",
    "uidb36": "1",
    "token": "1",
}


def test_every_page_is_among_those_looked_at(filled: Filled, browser: Browser):
    paths = {path.format(**filled.words) for view in VIEWS if view.status != 404 for path in view.paths}
    looked_at = {resolve(path.partition("?")[0]).view_name for path in paths} | PLAIN
    left = {name: template for name, template in addresses() if name not in looked_at}
    arguments = ARGUMENTS | {"pk": filled.words["finished"]}
    for who, slug in (("ada", "pages-four"), ("cora", filled.words["trained"]), ("careful", "pages-four")):
        context = filled.context(browser, who)
        for name, template in list(left.items()):
            path = "/" + template % (arguments | {"slug": slug})
            if not shows_page(context.request.get(path, max_redirects=0)):
                del left[name]
        context.close()
    assert left == {}, "Add these to tests/browser/pages.py"


def shows_page(answer: APIResponse) -> bool:
    """Whether it may be a page: not a file, not a redirect, and not an address that only takes forms."""
    kind = answer.headers.get("content-type", "")
    return kind.startswith("text/html") and answer.status != 405 and answer.status // 100 != 3


def addresses() -> list[tuple[str, str]]:
    """(name, path with %(argument)s) of every address of the site."""
    resolver: URLResolver = get_resolver()
    names = [name for name in resolver.reverse_dict if isinstance(name, str)]
    return [
        (name, template)
        for name in names
        for possibilities, *_ in resolver.reverse_dict.getlist(name)
        for template, _ in possibilities
    ]
