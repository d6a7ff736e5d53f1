"""From an invitation link to the first real comparison, on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD

from .conftest import Site, give_password

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from annotator.models import Role
from annotator.services.invitations.inviting import invite
from ranking.practice_files import practice_from_record
from ranking.services import open_round
from ranking.services.practice import add_practice
from tests.factories import make_project, make_user
from tests.ranking.making import make_answers

ida = make_user("ida@example.org", "Ida")
project = make_project("arrivals", name="Arrivals", coordinator=ida, guidelines="True comes first.")
open_round(project=project, author=make_answers(project, prompts=6, answers=3))
record = {"why": "Because it is true."}
pair = {**record, "answers": ["This is true.", "This is false."], "ranks": [1, 2]}
three = {**record, "answers": ["This is true.", "This is half.", "This is false."], "ranks": [1, 2, 3]}
drafts = [
    practice_from_record({"prompt": f"Question {n}?", **each})
    for n, each in enumerate([three, three, pair, pair, pair])
]
add_practice(project=project, drafts=drafts, actor=ida)
print("TOKEN", invite(project=project, role=Role.VOLUNTEER, email="", actor=ida)[1])
"""
CHANGE = """
from annotator.models import Project, User
from annotator.services.guidelines import write_guidelines

project, ida = Project.objects.get(slug="arrivals"), User.objects.get(email="ida@example.org")
write_guidelines(project=project, text="True comes first, and short comes second.", actor=ida)
"""
BEST_FIRST = ["This is true.", "This is half.", "This is false."]


def practise(page: Page) -> None:
    """Rank what is shown as it is right, and see that it was."""
    expect(page.locator("#send")).to_be_enabled()  # the page of a link may still be on its way
    cards = page.locator("#desk .answer")
    texts = [cards.nth(n).inner_text() for n in range(cards.count())]
    if len(texts) == 2:
        better = "A is better" if BEST_FIRST[0] in texts[0] else "B is better"
        page.get_by_label(better, exact=True).check()
    for place, text in enumerate(texts if len(texts) > 2 else [], start=1):
        rank = 1 + next(n for n, known in enumerate(BEST_FIRST) if known in text)
        page.locator(f"#answer-{place} label.rank:has(input[value='{rank}'])").click()
    submit(page)
    expect(page.get_by_role("heading", name="Right")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Because it is true.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def submit(page: Page) -> None:
    """Submit, also where the order shown happens to be the one that is meant."""
    as_shown = [
        page.locator(f"#answer-{n} input[value='{n}']").is_checked()
        for n in range(1, page.locator("#desk .ranks").count() + 1)
    ]
    page.locator("#send").click()
    if as_shown and all(as_shown):
        page.get_by_role("button", name="Yes, submit").click()


def rank_one(page: Page) -> None:
    """Rank the comparison on the screen as it is shown; the next one comes, or what is there instead."""
    key = page.locator("#judgment-form [name=key]").get_attribute("value")
    for rank in (1, 2, 3):
        page.locator(f"#answer-{rank} label.rank:has(input[value='{rank}'])").click()
    submit(page)
    expect(page.locator(f"#judgment-form [name=key][value='{key}']")).to_have_count(0)
    expect(page.locator("#desk-status")).to_contain_text("Saved")


def test_from_the_invitation_to_the_first_comparison_with_a_pause_in_the_middle(site: Site, page: Page):
    found = re.search(r"TOKEN (\S+)", site.manage("shell", "-c", MATERIAL))
    assert found
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/join/{found.group(1)}/")
    page.get_by_label("Your name").fill("Nia")
    page.get_by_label("E-mail address").fill("nia@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()

    expect(page.locator("main")).to_contain_text("Step 1 of 4")
    expect(page.locator("main")).to_contain_text("How to withdraw")
    page.get_by_role("button", name="I agree").click()
    expect(page.locator("main")).to_contain_text("Step 2 of 4")
    expect(page.locator("main")).to_contain_text("True comes first.")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("main")).to_contain_text("Step 3 of 4")
    page.get_by_role("button", name="Begin").click()
    for _ in range(2):
        practise(page)
        page.get_by_role("link", name="Next").click()

    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/?next=/p/arrivals/rank/")
    give_password(page, "nia@example.org")
    expect(page.locator("main")).to_contain_text("Practice, 3 of 5")
    for _ in range(2):
        practise(page)
        page.get_by_role("link", name="Next").click()
    practise(page)
    page.get_by_role("link", name="See how it went").click()

    expect(page.get_by_role("heading", name="You are ready")).to_be_visible()
    expect(page.locator("main")).to_contain_text("5 of 5 were right")
    page.get_by_role("link", name="To your first comparison").click()
    page.wait_for_url("**/rank/")
    expect(page.locator("#desk")).to_contain_text("Why is the sea rising")
    rank_one(page)

    site.manage("shell", "-c", CHANGE)
    rank_one(page)  # it was on the screen when the guidelines changed
    rank_one(page)  # and this one came at once, before the site had answered
    expect(page.locator("#desk")).to_contain_text("Something to read first")
    page.get_by_role("link", name="Read it").click()
    expect(page.locator("ins")).to_contain_text("and short comes second")
    page.get_by_role("button", name="Go on ranking").click()
    page.wait_for_url("**/rank/")
    rank_one(page)
