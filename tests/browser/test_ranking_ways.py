"""The ways to rank, which are equal: taps, keys, dragging; and what the desk asks before it submits."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .conftest import Site, sign_in, wait_until

pytestmark = pytest.mark.xdist_group("browser")

# Every comparison stays open, since what is submitted is caught on its way: all tests share one of each.
MATERIAL = """
from annotator.models import Author
from annotator.services.completions import add_completions, get_or_create_author
from ranking.services import claim_next, open_round, submit_judgment
from tests.factories import make_project, make_prompt, make_user

long = "\\n\\n".join(f"Paragraph {n} of a long answer. " * 6 for n in range(20))
link = "See [the report](https://example.org/a/report?of=2026) and <https://example.org/b>, or [odd](https://)."
table = "|" + "a wide column of a table|" * 9 + "\\n|" + "-|" * 9 + "\\n|" + "cell|" * 9
kate = make_user("kate@example.org", "Kate")
for slug, texts in {
    "four": ["First words.", "Second words.", "Third words.", "Fourth words."],
    "two": ["One.", "Two."],
    "long": [long, link, table, "Short."],
    "judged": ["A", "B", "C"],
}.items():
    project = make_project(slug, coordinator=kate, completions_per_comparison=len(texts))
    prompt = make_prompt(project)
    author = get_or_create_author(project=project, kind=Author.Kind.MODEL, name="Version 1")
    add_completions(author=author, texts=[(prompt, text) for text in texts])
    open_round(project=project, author=author)
assignment = claim_next(project=project, volunteer=kate)
ranks = dict(zip(assignment.order, (3, 1, 1)))
submit_judgment(assignment=assignment, volunteer=kate, key=assignment.key, ranks=ranks)
"""


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    site.manage("shell", "-c", MATERIAL)
    # Without its worker, so that a test can change the page on its way.
    context = browser.new_context(
        base_url=site.url, viewport={"width": 1280, "height": 900}, service_workers="block"
    )
    page = context.new_page()
    sign_in(page, "kate@example.org")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A tab of its own, without the drafts of other tests; what its console reports fails the test."""
    page = signed_in.new_page()
    page.set_default_timeout(5000)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    # What is submitted ends here: as if nothing ever came back.
    page.add_init_script(
        "document.addEventListener('submit', (event) => {"
        " if (event.defaultPrevented) return; event.preventDefault();"
        " (window.sent ||= []).push(Object.fromEntries(new FormData(event.target, event.submitter))) })"
    )
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def four(page: Page) -> Page:
    page.goto("/p/four/rank/")
    return page


def ranks(page: Page) -> str:
    """The rank of each card by its letter, as A to D; a dot where there is none."""
    return page.evaluate(
        "[...document.querySelectorAll('.answer')].sort((a, b) => a.id < b.id ? -1 : 1)"
        ".map((card) => card.querySelector('.ranks input:checked')?.value ?? '.').join('')"
    )


def order(page: Page) -> str:
    """The letters of the cards in the order of the page."""
    return page.evaluate(
        "[...document.querySelectorAll('.answers .answer')].map((card) => card.dataset.letter).join('')"
    )


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def sent(page: Page) -> list[dict[str, str]]:
    return page.evaluate("window.sent ?? []")


def sent_ranks(page: Page) -> list[str]:
    [entered] = sent(page)
    return [entered[f"rank_{place}"] for place in range(1, 5)]


def test_four_answers_are_ranked_by_keys_alone(four: Page):
    press(four, "3", "1", "=", "4")
    expect(four.locator("#send-hint")).to_have_text("4/4")
    assert ranks(four) == "3114"
    press(four, "Enter")
    assert sent_ranks(four) == ["3", "1", "1", "4"]


def test_four_answers_are_ranked_by_clicks_alone_and_the_cards_stay_where_they_are(four: Page):
    for place, rank in ((1, 2), (2, 1), (3, 4), (4, 3)):
        four.locator(f"#answer-{place} .rank").nth(rank - 1).click()
    assert order(four) == "ABCD"
    four.get_by_role("button", name="Submit").click()
    assert sent_ranks(four) == ["2", "1", "4", "3"]


def drag(page: Page, letter: str, onto: str, until: str) -> None:
    """Drag a card onto another until the cards are in this order, and let go."""
    handle = f".answers .answer[data-letter={letter}] .handle"
    page.locator(handle).scroll_into_view_if_needed()
    page.locator(handle).hover()
    wait_until(page, "Boolean(window.Sortable?.get(document.querySelector('.answers')))")
    page.mouse.down()
    page.mouse.move(*middle(page, handle, dy=12))
    expect(page.locator(".answers")).to_have_class(re.compile("sorting"))
    for _ in range(30):
        if order(page) == until:
            break
        page.mouse.move(*middle(page, f".answers .answer[data-letter={onto}]"))
        page.wait_for_timeout(60)  # so often it looks what is under the pointer
    page.mouse.up()
    expect(page.locator(".answers")).not_to_have_class(re.compile("sorting"))


def middle(page: Page, selector: str, dy: int = 0) -> tuple[float, float]:
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + dy


@pytest.mark.parametrize("width", [390, 1280])
def test_four_answers_are_ranked_by_dragging(four: Page, width: int):
    four.set_viewport_size({"width": width, "height": 900})
    drag(four, "D", onto="A", until="DABC")
    expect(four.locator("#desk-status")).to_have_text("Answer D is now 1 of 4.")
    assert (order(four), ranks(four)) == ("DABC", "2341")
    expect(four.locator("#answer-4")).to_be_focused()
    four.get_by_role("button", name="Submit").click()
    assert sent_ranks(four) == ["2", "3", "4", "1"]


def test_a_card_dropped_between_equals_is_their_equal_and_ranks_by_tap_are_kept(four: Page):
    four.set_viewport_size({"width": 390, "height": 900})
    press(four, "4", "2", "2", "1")
    drag(four, "A", onto="B", until="BACD")
    expect(four.locator("#desk-status")).to_have_text("Answer A is now 2 of 4, equal with B, C.")
    assert (order(four), ranks(four)) == ("DBAC", "2221")


def test_up_and_down_move_a_card_past_the_next_and_the_button_keeps_the_focus_and_its_place(four: Page):
    four.set_viewport_size({"width": 390, "height": 700})
    up = four.get_by_role("button", name="Move answer C up")
    up.focus()
    before = up.bounding_box()
    press(four, "Enter")
    expect(four.locator("#desk-status")).to_have_text("Answer C is now 2 of 4.")
    assert (order(four), ranks(four)) == ("ACBD", "1324")
    expect(up).to_be_focused()
    after = up.bounding_box()
    assert before and after and abs(after["y"] - before["y"]) < 2
    up.click()
    up.click()
    expect(four.locator("#desk-status")).to_have_text("Answer C is first already.")
    four.get_by_role("button", name="Move answer C down").click()
    assert (order(four), ranks(four)) == ("ACBD", "1324")


def test_shift_with_an_arrow_moves_the_card_and_an_arrow_alone_goes_on_to_the_next(four: Page):
    press(four, "ArrowDown", "ArrowDown", "Shift+ArrowUp")
    assert (order(four), ranks(four)) == ("BACD", "2134")
    expect(four.locator("#answer-2")).to_be_focused()
    press(four, "ArrowDown")
    expect(four.locator("#answer-1")).to_be_focused()


def test_a_moved_card_leaves_its_tie_first_and_a_tie_is_passed_as_one(four: Page):
    press(four, "1", "=", "3", "4", "ArrowUp")  # A and B are equal; C is in focus
    expect(four.locator("#answer-3")).to_be_focused()
    press(four, "Shift+ArrowUp")
    assert (order(four), ranks(four)) == ("CABD", "2214")
    press(four, "ArrowDown", "ArrowDown", "Shift+ArrowUp")
    assert (order(four), ranks(four)) == ("CBAD", "3214")


def test_equal_is_only_what_has_a_ranked_answer_above(four: Page):
    press(four, "ArrowDown", "=")
    expect(four.locator("#desk-status")).to_have_text("No ranked answer is above answer A.")
    press(four, "2", "=")
    expect(four.locator("#desk-status")).to_have_text("Answer B is now 2 of 4, equal with A.")
    press(four, "ArrowUp", "=")
    expect(four.locator("#desk-status")).to_have_text("Answer B is equal with A already.")


def test_undo_takes_back_ranks_ties_and_moves_one_by_one(four: Page):
    press(four, "2", "=", "3", "4")
    press(four, "Shift+ArrowUp")
    assert order(four) != "ABCD"
    press(four, "u")
    assert (order(four), ranks(four)) == ("ABCD", "2234")
    press(four, "u", "u")
    assert ranks(four) == "22.."
    four.get_by_role("button", name="Undo").click()
    assert ranks(four) == "2..."
    press(four, "u")
    assert ranks(four) == "...."
    press(four, "u")
    expect(four.locator("#desk-status")).to_have_text("There is nothing to undo.")


def test_as_shown_is_asked_once(four: Page):
    press(four, "1", "2", "3", "4", "Enter")
    dialog = four.get_by_role("dialog", name="As shown?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Look again")).to_be_focused()
    press(four, "1", "Enter")
    expect(dialog).to_be_hidden()
    assert sent(four) == [] and ranks(four) == "1234"
    press(four, "Enter")
    assert sent_ranks(four) == ["1", "2", "3", "4"]


def test_as_shown_may_be_confirmed_at_once(four: Page):
    press(four, "1", "2", "3", "4", "Enter")
    four.get_by_role("button", name="Yes, submit").click()
    assert sent_ranks(four) == ["1", "2", "3", "4"]


def test_what_is_missing_is_shown_before_anything_is_sent(four: Page):
    press(four, "2", "1", "Enter")
    expect(four.locator("#desk-trouble")).to_have_text("Give every answer a rank. Still without one: C, D.")
    expect(four.locator("#answer-3")).to_be_focused()
    press(four, "3")
    expect(four.locator("#desk-trouble")).to_be_hidden()
    four.get_by_text("It cannot be ranked").click()
    four.get_by_role("button", name="Cannot be ranked").click()
    expect(four.get_by_label("Why not?")).to_be_focused()
    assert sent(four) == []
    four.get_by_label("Why not?").select_option("unclear")
    four.get_by_role("button", name="Cannot be ranked").click()
    four.get_by_role("button", name="None is acceptable").click()
    assert [each["verdict"] for each in sent(four)] == ["cannot_rank", "all_bad"]


def test_order_ranks_and_the_question_survive_a_reload(four: Page):
    press(four, "ArrowDown", "Shift+ArrowDown")
    assert order(four) == "BACD"
    four.reload()
    assert (order(four), ranks(four)) == ("BACD", "2134")


def test_a_judgment_is_corrected_in_the_same_ways(page: Page):
    page.goto("/p/judged/rank/judged/")
    page.locator("main a[href*='/rank/judged/']").first.click()
    expect(page.locator("#send-hint")).to_have_text("3/3")
    assert ranks(page) == "211"
    press(page, "ArrowDown", "Shift+ArrowDown")
    expect(page.locator("#desk-status")).to_have_text("Answer A is last already.")
    press(page, "=", "Enter")
    [entered] = sent(page)
    assert [entered[f"rank_{place}"] for place in (1, 2, 3)] == ["1", "1", "1"]


def test_shortcuts_turned_off_in_the_settings_are_off(page: Page):
    page.route("**/p/four/rank/", turn_shortcuts_off)
    page.goto("/p/four/rank/")
    press(page, "1", "ArrowDown", "s", "Enter")
    assert ranks(page) == "...." and sent(page) == []
    expect(page.locator("#keys")).to_be_hidden()


def turn_shortcuts_off(route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('data-shortcuts="on"', 'data-shortcuts="off"'))


def test_digits_of_a_french_keyboard_and_letters_of_an_arabic_one(four: Page):
    for key, code in (("&", "Digit1"), ("é", "Digit2"), ("ع", "KeyU")):
        four.evaluate(
            f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
            f"{{key: {json.dumps(key)}, code: '{code}', bubbles: true}}))"
        )
    assert ranks(four) == "1..."


def test_two_answers_by_digits_and_arrows_and_their_own_list_of_keys(page: Page):
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto("/p/two/rank/")
    expect(page.locator("#keys-list").get_by_text("choose")).to_be_visible()
    expect(page.locator("#keys-list").get_by_text("rank the answer")).to_be_hidden()
    chosen = page.locator(".preferred input:checked")
    for key, choice in (
        ("ArrowLeft", "a"),
        ("ArrowLeft", "a"),
        ("ArrowRight", "equal"),
        ("3", "b"),
        ("u", "equal"),
    ):
        press(page, key)
        expect(chosen).to_have_value(choice)
    press(page, "Enter")
    assert [each["preferred"] for each in sent(page)] == ["equal"]
    assert not [url for url in fetched if "Sortable" in url]  # of two answers none is dragged


def card_with(page: Page, text: str):
    return page.locator(".answer", has_text=text)


@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_answer_is_judged_once_all_of_it_was_shown(page: Page, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/p/long/rank/")
    card = card_with(page, "Paragraph 19")
    show = card.get_by_role("button", name="Show all")
    words = f"Show all of answer {card.get_attribute('data-letter')} first, then judge it."
    assert (card.locator(".folding").bounding_box() or {})["height"] < 420
    for act in (
        lambda: card.locator(".rank").first.click(),
        lambda: (card.focus(), press(page, "1")),
        lambda: page.locator(".move").first.click(),
    ):
        page.evaluate("document.getElementById('desk-status').textContent = ''")
        act()
        expect(page.locator("#desk-status")).to_have_text(words)
        expect(show).to_be_focused()
        assert ranks(page) == "...."
    press(page, "Enter")
    assert (card.locator(".folding").bounding_box() or {})["height"] > 600
    expect(card.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
    press(page, "1")
    expect(card.locator(".ranks input").first).to_be_checked()


def test_a_link_leads_nowhere_until_its_address_was_seen(page: Page):
    page.goto("/p/long/rank/")
    page.get_by_text("odd").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    link = page.get_by_role("link", name="the report")
    expect(page.locator("main .prose a[href]")).to_have_count(0)
    link.focus()
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="Open this link?")
    expect(dialog).to_contain_text("https://example.org/a/report?of=2026")
    going = dialog.get_by_role("link")
    assert [going.get_attribute(name) for name in ("href", "target", "rel")] == [
        "https://example.org/a/report?of=2026",
        "_blank",
        "noopener noreferrer nofollow",
    ]
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    assert page.url.endswith("/p/long/rank/")


@pytest.mark.parametrize("zoom", ["100%", "200%"])
def test_nothing_scrolls_sideways_and_what_is_in_focus_is_seen(page: Page, zoom: str):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/p/long/rank/")
    page.evaluate(f"document.documentElement.style.fontSize = '{zoom}'")
    page.wait_for_timeout(100)  # the bar's height is watched
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.locator("#desk-heading").focus()
    hidden, small = [], []
    for _ in range(60):
        press(page, "Tab")
        seen = page.evaluate(IN_FOCUS)
        hidden += [] if seen["clear"] else [seen]
        small += [] if seen["size"] >= 44 else [seen]
        if seen["id"] == "skip":
            break
    assert seen["id"] == "skip"
    assert hidden == [] and small == []


# Whether what is in focus can be seen, neither under the bar nor outside the window, and its target's size.
IN_FOCUS = """(() => {
  const one = document.activeElement;
  const target = one.matches("label input") ? one.parentElement : one;
  const box = target.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
  const inline = one.matches("p a, .folding *");
  return {
    id: one.id, html: one.outerHTML.slice(0, 80),
    clear: box.top >= 0 && Boolean(at) && (target.contains(at) || at.contains(target)),
    size: inline ? 44 : Math.round(Math.min(box.width, box.height)),
  };
})()"""


def test_without_scripts_everything_is_shown_and_nothing_is_offered_that_needs_them(
    browser: Browser, site: Site, signed_in: BrowserContext
):
    context = browser.new_context(
        base_url=site.url, java_script_enabled=False, storage_state=signed_in.storage_state()
    )
    page = context.new_page()
    page.goto("/p/long/rank/")
    expect(page.get_by_text("Paragraph 19").first).to_be_visible()
    assert (card_with(page, "Paragraph 19").locator(".folding").bounding_box() or {})["height"] > 600
    for name in ("Show all", "Move answer", "Undo"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_text("(https://example.org/a/report?of=2026)")).to_be_visible()
    for place in range(1, 5):
        page.locator(f"#answer-{place} .rank").nth(place - 1).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#messages")).to_contain_text("Saved.")
    context.close()


# An answer of one's own


def open_rewrite(page: Page) -> None:
    page.locator("#rewrite-box summary").click()


def give_rank(page: Page, place: int, rank: int) -> None:
    page.locator(f"#rank-{place}-{rank}").check(force=True)


def test_an_answer_of_ones_own_begins_as_the_best_one_and_follows_until_it_is_changed(four: Page) -> None:
    texts = {n: four.locator(f"#answer-{n} .prose").first.inner_text().strip() for n in (1, 2)}
    open_rewrite(four)
    field = four.locator("#rewrite")
    expect(field).to_have_value("")
    give_rank(four, 2, 1)
    expect(field).to_have_value(texts[2])
    four.locator("#rewrite-of").select_option("1")
    expect(field).to_have_value(texts[1])
    four.locator("#rewrite-of").select_option("")
    expect(field).to_have_value(texts[2])
    field.press_sequentially("And more. ")
    written = field.input_value()
    assert "And more." in written
    assert four.locator("#rewrite-of").input_value() == "2"
    give_rank(four, 2, 4)
    give_rank(four, 1, 1)
    expect(field).to_have_value(written)
    four.reload()
    expect(field).to_have_value(written)
    give_rank(four, 3, 2)
    give_rank(four, 4, 2)
    four.locator("#send").click()
    (sent,) = four.evaluate("window.sent")
    assert (sent["rewrite"], sent["rewrite_of"]) == (written, "2")


def test_an_answer_that_was_left_as_it_began_is_not_sent(page: Page) -> None:
    page.goto("/p/two/rank/")
    open_rewrite(page)
    page.locator("#preferred-b").check(force=True)
    expect(page.locator("#rewrite")).not_to_have_value("")
    page.reload()
    page.locator("#preferred-a").check(force=True)
    page.locator("#send").click()
    (sent,) = page.evaluate("window.sent")
    assert (sent["rewrite"], sent["rewrite_of"], sent["preferred"]) == ("", "", "a")
