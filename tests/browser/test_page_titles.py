"""Each page has a title of its own, for where many tabs are open."""

from collections import defaultdict

import pytest
from django.urls import resolve
from playwright.sync_api import Browser

from .pages import VIEWS, Filled

pytestmark = pytest.mark.xdist_group("browser")

# Pages that do one thing, one after the other or each in its turn.
STEPS = [
    {"account_login", "sign-in-link"},
    {"guidelines", "read-guidelines"},
    {"practice", "practice-result"},
    {"add-practice", "edit-practice"},
    {"unsubscribe", "mail-stopped"},
]


def test_no_two_pages_have_one_title(filled: Filled, browser: Browser):
    titles: dict[str, set[str]] = defaultdict(set)
    people = {view.who: filled.context(browser, view.who) for view in VIEWS}
    for view in VIEWS:
        if view.act is None and view.status == 200:
            text = people[view.who].request.get(view.path.format(**filled.words)).text()
            title = text.partition("<title>")[2].partition("</title>")[0].strip()
            assert title.partition("·")[0].strip(), view
            titles[title].add(resolve(view.path.format(**filled.words)).view_name)
    for context in people.values():
        context.close()
    shared = [names for names in titles.values() if len(names) > 1 and not all(map(is_allauths, names))]
    assert [names for names in shared if names not in STEPS] == []


def is_allauths(name: str) -> bool:
    """Its pages have one title for all steps of an act."""
    return name.startswith(("account_", "mfa_"))
