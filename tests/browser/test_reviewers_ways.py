"""A reviewer reads what volunteers said: with a mouse, by keys, on a phone, without scripts."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Site
from .pages import Filled
from .test_page_accessibility import PHONE, check

pytestmark = pytest.mark.xdist_group("browser")

JUDGMENTS = "/p/pages-between/rankings/judgments/"


@pytest.fixture
def page(filled: Filled, browser: Browser) -> Iterator[Page]:
    context = filled.context(browser, "ada", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_a_filter_works_at_once_and_is_in_the_address(page: Page):
    page.goto(JUDGMENTS)
    everything = page.locator(".judgment").count()
    assert everything == 6
    person = page.locator(".judgment .facts-line a").first
    name = person.inner_text().split()[-1]
    page.get_by_label("Verdict").select_option("all_bad")
    expect(page.locator("#count")).to_have_text("0 judgments")
    assert parse_qs(urlsplit(page.url).query)["verdict"] == ["all_bad"]
    page.go_back()
    expect(page.locator(".judgment")).to_have_count(everything)
    page.get_by_label("Search").fill("every tenth")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("2 judgments")
    page.goto(f"{JUDGMENTS}?person={name}")
    expect(page.locator(".judgment")).to_have_count(3)


def test_how_far_people_agree_is_told_below_what_was_found_until_something_else_is(page: Page):
    page.goto(JUDGMENTS)
    page.get_by_role("link", name="How far people agree").click()
    expect(page.locator("#agreement tbody")).to_contain_text("83 %")
    assert page.url.endswith(JUDGMENTS)
    page.get_by_label("Verdict").select_option("ranked")
    expect(page.locator("#agreement")).to_be_empty()
    page.get_by_role("link", name="How far people agree").click()
    page.get_by_role("link", name="By round, guidelines, language and person").click()
    expect(page.get_by_text("Only the judgments that you chose count here.")).to_be_visible()


def test_judgments_are_read_by_keys(page: Page):
    page.goto(JUDGMENTS)
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("j/k")
    expect(page.get_by_label("Search")).to_have_value("j/k")
    page.get_by_label("Search").fill("")
    page.get_by_role("heading", name="Judgments").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".judgment").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(".judgment").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_label("Use keys").uncheck()
    page.get_by_label("Use keys").blur()
    page.keyboard.press("j")
    expect(page.locator(".judgment:focus")).to_have_count(0)
    page.get_by_label("Use keys").check()
    page.get_by_role("heading", name="Judgments").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What was asked")).to_be_visible()


def test_without_scripts_on_a_phone_a_filter_is_kept_and_removed(filled: Filled, browser: Browser):
    context = filled.context(
        browser, "ada", java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    page.goto(JUDGMENTS)
    page.get_by_label("Verdict").select_option("ranked")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Keep this filter").click()
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("was saved")).to_be_visible()
    page.goto(JUDGMENTS)
    page.get_by_role("link", name="Mine").click()
    assert "verdict=ranked" in page.url
    page.get_by_role("button", name="Remove the filter “Mine”").click()
    expect(page.get_by_role("link", name="Mine")).to_have_count(0)
    context.close()


MATERIAL = """
from annotator.models import Role
from tests.factories import make_member, make_project
from tests.ranking.making import make_answers, make_assignment, make_judgment
from ranking.services import open_round
project = make_project("{slug}", completions_per_comparison=2, judgments_per_comparison=2)
author = make_answers(project, prompts=2, answers=2)
current = open_round(project=project, author=author, seed=1)
make_member(project, Role.REVIEWER, email="{slug}@example.org", name="Rae")
for _person in range(2):
    person = make_member(project)
    for text in ("Because ice melts.", "Because water warms."):
        assignment = make_assignment(current, person)
        first = min(assignment.order)
        rewrite = {{"original": first, "text": text}}
        make_judgment(assignment, 2, 1, flags={{first: ["harmful"]}}, rewrite=rewrite)
"""


def test_a_reviewer_works_the_queue_off_by_keys(site: Site, browser: Browser):
    site.manage("shell", "-c", MATERIAL.format(slug="queue"))
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto(site.sign_in_link("queue@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.goto("/p/queue/")
    page.get_by_role("link", name="Decisions wait for a reviewer").click()
    page.get_by_role("link", name="Begin: Flagged answers").click()
    expect(page.get_by_text("withheld until you decide")).to_have_count(2)
    page.wait_for_load_state()  # keys are heard by a script, which comes after the text
    for key, said in (("r", "The answer was taken out."), ("a", "The answer stays.")):
        page.keyboard.press("j")
        page.keyboard.press(key)
        expect(page.locator("#messages")).to_have_text(said)
    page.get_by_role("link", name="Go on: Rewritten answers").click()
    expect(page.locator("article")).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#messages")).to_contain_text("Accepted")
    page.get_by_label("Their answer").first.fill("Because warm water takes more room, a")
    page.get_by_role("button", name="Accept it").first.click()
    for word in ("Too short.", ""):
        page.get_by_label("Or a word to its writer").first.fill(word)
        page.get_by_role("button", name="Refuse it").first.click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    expect(page.get_by_text("6 decisions in the last 7 days, by you: 6")).to_be_visible()
    context.close()


def test_a_reviewer_decides_on_a_phone_without_scripts(site: Site, browser: Browser):
    site.manage("shell", "-c", MATERIAL.format(slug="phone"))
    phone = {"width": 390, "height": 844}
    context = browser.new_context(base_url=site.url, java_script_enabled=False, viewport=phone)
    page = context.new_page()
    page.goto(site.sign_in_link("phone@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.goto("/p/phone/review/rewrites/")
    page.get_by_role("button", name="Accept it").first.click()
    expect(page.locator("article")).to_have_count(3)
    page.get_by_role("link", name="What was decided").click()
    page.get_by_role("button", name="Refuse it").click()
    page.get_by_role("link", name="What was decided").click()
    expect(page.locator(".badge", has_text="Not accepted")).to_be_visible()
    context.close()


UNLIKE = """
from annotator.models import Role
from ranking.models import Finding
from ranking.services.fits.findings import Found, store_findings
from tests.factories import make_member, make_project
from tests.ranking.making import make_answers, make_assignment, make_judgment
from ranking.services import open_round
project = make_project("unlike", completions_per_comparison=2, judgments_per_comparison=2)
current = open_round(project=project, author=make_answers(project, answers=2), seed=1)
make_member(project, Role.REVIEWER, email="unlike@example.org", name="Rae")
found = {}
for _person in range(2):
    person = make_member(project)
    make_judgment(make_assignment(current, person), 1, 2)
    found[Found(person.pk, Finding.Kind.HASTY)] = {"judgments": 30, "seconds": 2.5, "hasty": 28}
store_findings(project, found)
"""


def test_a_reviewer_leaves_somebody_out_finds_another_one_fine_and_undoes_both(site: Site, browser: Browser):
    site.manage("shell", "-c", UNLIKE)
    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(site.sign_in_link("unlike@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.goto("/p/unlike/review/people/")
    expect(page.locator("article")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#messages")).to_contain_text("Put away")
    page.get_by_label("Reason").select_option("Not answered by a person")
    page.get_by_label("In a few words").fill("Every two seconds, at night, too.")
    page.get_by_role("button", name="Leave their judgments out").click()
    expect(page.locator("#messages")).to_contain_text("Left out.")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    for button, said in (("Count them again", "count again"), ("Look at it again", "It waits")):
        page.goto("/p/unlike/review/people/?show=all")
        page.get_by_role("button", name=button).click()
        expect(page.locator("#messages")).to_contain_text(said)
    expect(page.locator("article")).to_have_count(2)
    context.close()


CONTESTED = """
from annotator.models import Role
from ranking.services import open_round
from ranking.services.fits.worker import fit_project
from tests.factories import make_member, make_project
from tests.ranking.making import make_answers, make_assignment, make_judgment
project = make_project("contested", completions_per_comparison=2, judgments_per_comparison=2)
current = open_round(project=project, author=make_answers(project, prompts=2, answers=2), seed=1)
make_member(project, Role.REVIEWER, email="contested@example.org", name="Rae")
for ranks, reason in (((1, 2), "It says why."), ((2, 1), "It is short.")):
    person = make_member(project)
    for _comparison in range(2):
        make_judgment(make_assignment(current, person), *ranks, rationale=reason)
fit_project(project)
"""


def test_a_reviewer_judges_blind_sees_the_votes_undoes_it_and_asks_for_one_more(site: Site, browser: Browser):
    site.manage("shell", "-c", CONTESTED)
    context = browser.new_context(base_url=site.url, viewport=PHONE, reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.sign_in_link("contested@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.goto("/p/contested/review/")
    page.get_by_role("link", name="Begin: Contested comparisons").click()
    first = page.url
    reason = page.get_by_text("It is short.")
    expect(page.get_by_role("heading", name="What was asked")).to_be_visible()
    expect(reason).to_have_count(0)
    assert_fits(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#desk-trouble")).to_contain_text("Choose which answer is better")
    page.get_by_label("B is better").check()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#messages")).to_contain_text("Decided")
    expect(reason).to_be_visible()
    expect(page.get_by_text("You decided: Ranked B > A")).to_be_visible()
    assert_fits(page)
    decided = page.url
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#messages")).to_contain_text("no longer counts")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    assert page.url == decided and page.locator(".preferred input:checked").count() == 0
    page.get_by_role("button", name="Ask one more volunteer").click()
    expect(page.locator("#messages")).to_contain_text("One more volunteer will judge it")
    assert page.url == first
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Decided")
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    context.close()
    assert errors == []


def assert_fits(page: Page) -> None:
    """Nothing scrolls sideways on a phone, and axe finds nothing."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert check(page, ((390, "ltr", "light"), (390, "ltr", "dark"))) == []
    page.set_viewport_size(PHONE)
