"""axe-core on every page: phones and desktop, light and dark, left to right and right to left."""

from collections import defaultdict
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLResolver, get_resolver, resolve
from playwright.sync_api import APIResponse, Browser, Page

from .pages import DIALOGS, FOREIGN, VIEWS, Filled, View, opened

pytestmark = pytest.mark.xdist_group("browser")

WIDTHS = (320, 390, 1280)
HEIGHT = 6000  # so that nothing lies under a bar that sticks to the edge
LOOKS = tuple(product(WIDTHS, ("ltr", "rtl"), ("light", "dark")))
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What colours and direction can change; all other rules read the document, and need one look a width.
RULES_OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
# A sign like an arrow has no contrast that axe could tell; nor has what lies under the edge of a box that
# scrolls, unless no width shows it.
UNTOLD = {"nonBmp", "shortTextContent"}
RUN_AXE = """async (options) => {
  const results = await axe.run({ ...options, preload: false });
  if (!results.passes.length) throw new Error("axe checked nothing");
  const tell = (found) => found.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) => {
    const checks = [...any, ...all, ...none];
    const words = checks.map(({ message }) => message).join("; ");
    const reasons = checks.map(({ data }) => data?.messageKey ?? "");
    return { rule: id, element: target.join(" "), words, reasons };
  }));
  return { wrong: tell(results.violations), unsure: tell(results.incomplete) };
}"""


def check(page: Page, looks: tuple[tuple[int, str, str], ...] = LOOKS) -> list[str]:
    """What axe finds wrong in any look, or can decide in none: a line each, with the looks."""
    page.evaluate(AXE_SCRIPT)
    wrong: dict[str, list[str]] = defaultdict(list)
    unsure: dict[str, list[str]] = defaultdict(list)
    whole = set()
    for width, direction, scheme in looks:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate("direction => { document.documentElement.dir = direction }", direction)
        page.emulate_media(color_scheme=scheme)
        rules = {"type": "rule", "values": RULES_OF_LOOKS} if width in whole else list(RULES)
        whole.add(width)
        found: dict[str, list[dict[str, Any]]] = page.evaluate(RUN_AXE, {"runOnly": rules})
        for kind, known in (("wrong", wrong), ("unsure", unsure)):
            for each in found[kind]:
                if kind == "wrong" or not UNTOLD & set(each["reasons"]):
                    known[f"{each['rule']} {each['element']}: {each['words']}"].append(
                        f"{width} {direction} {scheme}"
                    )
    asked = {rule: len(looks) for rule in RULES_OF_LOOKS}
    undecided = {
        line: where
        for line, where in unsure.items()
        if len(where) == asked.get(line.partition(" ")[0], len(whole))
    }
    return [f"{line} ({', '.join(where)})" for line, where in (wrong | undecided).items()]


SEEN = [view for view in VIEWS + DIALOGS if view.name not in FOREIGN]


@pytest.mark.parametrize("view", SEEN, ids=str)
def test_axe_finds_nothing_in_any_look(view: View, filled: Filled, browser: Browser):
    with opened(view, filled, browser) as page:
        assert check(page) == []


ARABIC = [
    view
    for view in VIEWS
    if view.name in {"sign-in-error", "join", "home-volunteer", "desk-four", "desk-pair"}
]


@pytest.mark.parametrize("view", ARABIC, ids=str)
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


# Arguments for addresses that no page above has: enough for them to say that they are no pages.
ARGUMENTS = {"number": 1, "name": "manifest.json", "key": "1", "uidb36": "1", "token": "1"}


def test_every_page_is_among_those_looked_at(filled: Filled, browser: Browser):
    looked_at = {resolve(view.path.format(**filled.words)).view_name for view in VIEWS if view.status != 404}
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
