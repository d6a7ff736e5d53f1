"""Ranking on a bad connection: what was submitted is kept in the browser, and arrives once."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from .conftest import Site, give_password, sign_in
from .pages import Filled, rank

pytestmark = pytest.mark.xdist_group("browser")
PEOPLE = 20
CONTROLLED = """new Promise((done) => navigator.serviceWorker.controller
  ? done() : navigator.serviceWorker.addEventListener("controllerchange", () => done()))"""

MATERIAL = f"""
from ranking.services import open_round
from tests.factories import make_member, make_project, make_user
from tests.ranking.making import make_answers

project = make_project("offline", coordinator=make_user("offline@example.org"), completions_per_comparison=2)
open_round(project=project, author=make_answers(project, prompts=5 * {PEOPLE}, answers=2))
for n in range({PEOPLE}):
    make_member(project, email=f"offline{{n}}@example.org", name=f"Vera {{n}}")
"""


@pytest.fixture(scope="module")
def newcomer(site: Site) -> Callable[[], str]:
    """The address of a volunteer who has not ranked yet."""
    site.manage("shell", "-c", MATERIAL)
    numbers = iter(range(PEOPLE))
    return lambda: f"offline{next(numbers)}@example.org"


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 800})
    yield context
    context.close()


@pytest.fixture
def desk(context: BrowserContext, newcomer: Callable[[], str]) -> Page:
    """The desk of a newcomer, with two comparisons fetched ahead."""
    page = context.new_page()
    sign_in(page, newcomer())
    open_desk(page)
    return page


def open_desk(page: Page) -> None:
    with page.expect_response(re.compile("/rank/ahead/")):
        page.goto("/p/offline/rank/")
    page.evaluate(CONTROLLED)


def shown(page: Page) -> str:
    return page.locator("[name=key]").input_value()


def judge(page: Page) -> None:
    page.locator("#judgment-form").get_by_text("A is better").click()
    page.get_by_role("button", name="Submit").click()


def expect_own(page: Page, number: int) -> None:
    # What could not be sent is tried again after a while only.
    expect(page.locator("#desk-progress")).to_contain_text(f"{number} by you", timeout=30_000)


def waiting(page: Page, number: int) -> None:
    expect(page.locator("#outbox-waiting")).to_contain_text(f"Waiting to be sent ({number})")


def test_the_next_comparison_is_shown_before_the_server_has_answered(desk: Page):
    held: list[Route] | None = []
    desk.route("**/judgment/", lambda route: route.continue_() if held is None else held.append(route))
    seen = []
    for _ in range(2):
        seen.append(shown(desk))
        judge(desk)
        expect(desk.locator(f"[name=key][value='{seen[-1]}']")).to_have_count(0)
        expect(desk.locator("#desk-heading")).to_be_focused()
    assert shown(desk) not in seen
    waiting(desk, 2)  # the first is long on its way
    desk.locator("#guidelines-link").focus()
    [first], held = held, None
    first.continue_()
    expect_own(desk, 2)
    expect(desk.locator("#guidelines-link")).to_be_focused()
    expect(desk.locator("#outbox-waiting")).to_be_empty()


def test_without_a_connection_three_are_ranked_and_delivered_once_each_when_it_is_back(desk: Page):
    sent: list[str] = []
    # By the page or by its service worker, whichever is quicker.
    desk.context.on("requestfinished", lambda request: sent.append(request.url))
    desk.context.set_offline(True)
    for number in (1, 2, 3):
        judge(desk)
        waiting(desk, number)
    expect(desk.locator("#desk-heading")).to_contain_text("No more comparisons until you are connected")
    expect(desk.locator("#outbox-waiting")).to_contain_text("No connection.")
    desk.context.set_offline(False)
    expect_own(desk, 3)
    expect(desk.locator("#outbox-waiting")).to_be_empty()
    expect(desk.locator("#judgment-form")).to_be_visible()
    assert len([url for url in sent if url.endswith("/judgment/")]) == 3


def test_what_cannot_be_fetched_is_announced_once_and_tried_ever_more_rarely(
    context: BrowserContext, newcomer: Callable[[], str]
):
    page = context.new_page()
    page.clock.install()
    sign_in(page, newcomer())
    open_desk(page)
    page.route("**/judgment/", lambda route: route.fulfill(json={"words": "Saved."}))
    fetched: list[str] = []

    def fail(route: Route) -> None:
        fetched.append(route.request.url)
        route.fulfill(status=500)

    page.route("**/rank/ahead/**", fail)
    for _ in range(3):
        judge(page)
    expect(page.locator("#desk-trouble")).to_contain_text("Something went wrong on our side.")
    page.evaluate(WATCHED)
    for seconds, times in ((3, 2), (3, 2), (3, 3), (10, 3), (6, 4)):
        page.clock.run_for(1000 * seconds)
        page.wait_for_timeout(300)
        assert len(fetched) == times
    assert page.evaluate("window.changes") == 0


# Counts what a reader of the screen would hear anew.
WATCHED = """{
  window.changes = 0;
  const watch = new MutationObserver((changes) => { window.changes += changes.length });
  for (const id of ["desk", "desk-trouble"]) {
    watch.observe(document.getElementById(id), { attributes: true, childList: true });
  }
}"""


def test_after_closing_the_tab_they_are_delivered_when_it_is_opened_again(desk: Page):
    context, judged = desk.context, shown(desk)
    context.set_offline(True)
    judge(desk)
    waiting(desk, 1)
    desk.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto("/p/offline/rank/")
    expect_own(page, 1)
    expect(page.locator(f"#judgment-form [name=key]:not([value='{judged}'])")).to_be_attached()


def test_after_closing_the_tab_the_service_worker_delivers_when_the_browser_wakes_it(desk: Page):
    context = desk.context
    context.set_offline(True)
    judge(desk)
    waiting(desk, 1)
    other = context.new_page()
    devtools = context.new_cdp_session(other)
    registrations: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(each["registrationId"] for each in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    desk.close()
    context.set_offline(False)
    other.goto("/account/")
    other.evaluate(CONTROLLED)
    origin = other.evaluate("location.origin")
    devtools.send(
        "ServiceWorker.dispatchSyncEvent",
        {"origin": origin, "registrationId": registrations[-1], "tag": "queue", "lastChance": False},
    )
    other.wait_for_timeout(2000)
    other.goto("/p/offline/rank/judged/")
    expect(other.locator("main")).to_contain_text("Why is the sea rising")


def test_after_signing_out_and_in_again_they_are_delivered(desk: Page, newcomer):
    email = newcomer()
    sign_out(desk)
    sign_in(desk, email)
    open_desk(desk)
    desk.context.clear_cookies(name="sessionid")
    judge(desk)
    expect(desk.locator("#desk-trouble")).to_contain_text("You have been signed out.")
    waiting(desk, 1)
    desk.locator("#desk-trouble").get_by_role("link", name="Sign in").click()
    give_password(desk, email)
    expect(desk).to_have_url(re.compile("/p/offline/rank/"))
    expect_own(desk, 1)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/**")


def test_on_a_shared_phone_nobody_sends_what_another_person_submitted(context: BrowserContext, newcomer):
    first, second = newcomer(), newcomer()
    page = context.new_page()
    sign_in(page, first)
    open_desk(page)
    judged = shown(page)
    other = context.new_page()
    other.goto("/account/")
    sign_out(other)
    sign_in(other, second)
    judge(page)
    expect(page.locator("#desk-trouble")).to_contain_text("Somebody else has signed in on this device.")
    waiting(page, 1)
    page.close()
    open_desk(other)
    expect_own(other, 0)
    expect(other.locator("#outbox-waiting")).to_be_empty()
    judge(other)
    expect_own(other, 1)
    sign_out(other)
    sign_in(other, first)
    other.goto("/p/offline/rank/")
    expect_own(other, 1)
    assert shown(other) != judged


def test_a_double_click_on_submit_stores_one_judgment(desk: Page):
    sent: list[str] = []
    desk.on("request", lambda request: sent.append(request.url))
    desk.get_by_text("A is better").click()
    desk.evaluate("for (let n = 0; n < 3; n++) document.getElementById('send').click()")
    expect_own(desk, 1)
    assert len([url for url in sent if url.endswith("/judgment/")]) == 1


def test_what_cannot_be_taken_is_kept_with_the_reason_until_it_is_discarded(desk: Page):
    refusal = {"words": "This round has been closed in the meantime."}
    desk.route("**/judgment/", lambda route: route.fulfill(status=409, json=refusal))
    desk.get_by_text("Say why").click()
    desk.get_by_label("Reason").fill("A is true.")
    judge(desk)
    expect(desk.locator("#desk-trouble")).to_contain_text("could not be taken")
    desk.unroute("**/judgment/")
    desk.reload()
    kept = desk.locator("#outbox-refused")
    for words in (refusal["words"], "Why is the sea rising", "A is better", "A is true."):
        expect(kept).to_contain_text(words)
    expect(kept.get_by_role("button", name="Look at it again")).to_be_hidden()
    kept.get_by_role("button", name="Discard").click()
    expect(kept).to_be_hidden()
    desk.reload()
    expect(kept).to_be_hidden()


def test_what_is_kept_names_answers_ranks_and_criteria(filled: Filled, browser: Browser):
    context = filled.context(browser, "vera")
    page = context.new_page()
    page.goto("/p/pages-four/rank/")
    page.route("**/judgment/", lambda route: route.fulfill(status=409, json={"words": "It is too late."}))
    page.locator("[name=rating_1_Clarity]").select_option("4")
    rank(page, 4, 3, 2, 1)
    for words in ("Answer A: 4 worst", "Answer A: Clarity: 4", "Answer D: 1 best"):
        expect(page.locator("#outbox-refused").get_by_text(words, exact=True)).to_be_visible()
    context.close()


def test_what_the_server_finds_wrong_later_can_be_looked_at_again_and_sent(desk: Page):
    judged = shown(desk)
    form = desk.locator("#desk").inner_html()
    desk.route(
        "**/judgment/",
        lambda route: route.fulfill(status=422, json={"form": form, "words": "It is too long."}),
    )
    judge(desk)
    expect(desk.locator("#outbox-refused")).to_contain_text("It is too long.")
    desk.unroute("**/judgment/")
    other = shown(desk)
    desk.get_by_text("B is better").click()
    desk.get_by_role("button", name="Look at it again").click()
    assert shown(desk) == judged
    judge(desk)
    expect_own(desk, 1)
    expect(desk.locator("#outbox-refused")).to_be_hidden()
    assert shown(desk) == other
    expect(desk.get_by_label("B is better")).to_be_checked()


def skips(page: Page) -> list[str]:
    """The addresses of skips that arrive from now on, from the page or its service worker."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if "/skip/" in request.url:
            sent.append(request.url)

    page.context.on("requestfinished", note)
    return sent


def test_a_skip_is_taken_back_with_all_that_was_entered_and_was_never_sent(desk: Page):
    sent, key = skips(desk), shown(desk)
    desk.get_by_text("A is better").click()
    desk.get_by_text("Say why").click()
    desk.get_by_label("Reason").fill("A is true.")
    desk.get_by_role("button", name="Skip").click()
    expect(desk.locator("#desk-skipped")).to_contain_text("Skipped.")
    other = shown(desk)
    assert other != key
    desk.get_by_role("button", name="Take it back").click()
    expect(desk.locator(f"[name=key][value='{key}']")).to_be_attached()
    expect(desk.locator("#desk-heading")).to_be_focused()
    expect(desk.locator("#desk-skipped")).to_be_empty()
    desk.reload()  # what was entered is a draft again
    expect(desk.get_by_label("A is better", exact=True)).to_be_checked()
    expect(desk.get_by_label("Reason")).to_have_value("A is true.")
    judge(desk)
    expect_own(desk, 1)
    assert shown(desk) == other and sent == []


def test_without_a_connection_a_skip_is_taken_back_by_key_and_else_sent_with_what_comes_next(desk: Page):
    sent, key = skips(desk), shown(desk)
    desk.context.set_offline(True)
    desk.keyboard.press("s")
    expect(desk.locator("#undo")).to_have_attribute("aria-disabled", "false")
    desk.keyboard.press("u")
    expect(desk.locator(f"[name=key][value='{key}']")).to_be_attached()
    expect(desk.locator("#undo")).to_have_attribute("aria-disabled", "true")
    desk.keyboard.press("s")
    judge(desk)
    expect(desk.locator("#desk-skipped")).to_be_empty()
    desk.context.set_offline(False)
    expect_own(desk, 1)
    assert len(sent) == 1


def test_a_skip_is_sent_once_its_time_is_over(context: BrowserContext, newcomer: Callable[[], str]):
    page = context.new_page()
    page.clock.install()
    sign_in(page, newcomer())
    open_desk(page)
    sent, key = skips(page), shown(page)
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Take it back").focus()
    page.clock.run_for(14_000)
    assert sent == []
    with page.expect_response("**/skip/"):
        page.clock.run_for(3_000)
    expect(page.locator("#desk-skipped")).to_be_empty()
    expect(page.locator("#desk-heading")).to_be_focused()
    page.reload()
    assert shown(page) != key


def test_a_reload_without_a_connection_shows_what_waits_and_goes_on_when_it_is_back(desk: Page):
    desk.context.set_offline(True)
    judge(desk)
    waiting(desk, 1)
    desk.reload()
    expect(desk.get_by_role("heading", name="There is no connection just now")).to_be_visible()
    expect(desk.locator("#waiting")).to_have_text("Waiting to be sent (1)")
    expect(desk.locator("body")).not_to_contain_text("Vera")
    desk.context.set_offline(False)
    expect_own(desk, 1)


def test_the_time_of_a_comparison_is_renewed_by_activity_and_its_end_is_shown(
    context: BrowserContext, newcomer
):
    page = context.new_page()
    page.clock.install()
    sign_in(page, newcomer())
    open_desk(page)
    page.clock.fast_forward("10:00")
    with page.expect_response("**/rank/renew/") as renewed:
        page.locator("#judgment-form").get_by_text("A is better").click()
    assert len(renewed.value.json()["held"]) == 3
    page.clock.fast_forward("28:30")
    expect(page.locator("#desk-time")).to_contain_text("nearly over")
    page.route("**/rank/renew/", lambda route: route.fulfill(json={"held": {}}))
    page.clock.fast_forward("02:00")
    expect(page.locator("#desk-time")).to_contain_text("The time for this comparison is over")
    page.get_by_text("A is better").click()
    expect(page.locator("#desk-time")).to_contain_text("still taken and counted apart")
    judge(page)
    expect_own(page, 1)
    expect(page.locator("#desk-time")).to_be_empty()
