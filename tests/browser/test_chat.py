"""Talking to the live version in a browser: on a phone, with all that can be said about an answer."""

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.training.serving.stand_in import StandIn, standing_in

from .pages import Filled

pytestmark = pytest.mark.xdist_group("browser")
PHONE = {"width": 390, "height": 664}

LET_ANSWER = """
from annotator.models import Project
from tests.training.serving.stand_in import let_answer
from training.models import Conversation, ModelServer, Served
ModelServer.objects.all().delete()
project = Project.objects.get(slug="{slug}")
Served.objects.filter(project=project).delete()
let_answer(project, "{address}")
Conversation.objects.filter(user__email="remy@pages.example").delete()
"""
STORED = """
import json
from training.models import Choice, Conversation, Edit, Thumb, Turn
own = Conversation.objects.filter(user__email="remy@pages.example").first()
turns = own.turns.all() if own else []
print(json.dumps({
    "teaches": bool(own and own.may_teach),
    "texts": [turn.kept.text if turn.kept else "" for turn in turns],
    "whole": [turn.kept.is_whole for turn in turns if turn.kept],
    "preferred": [choice.preferred for choice in Choice.objects.filter(turn__conversation=own)],
    "thumbs": [[thumb.is_up, thumb.flags] for thumb in Thumb.objects.filter(reply__turn__conversation=own)],
    "edits": [edit.text for edit in Edit.objects.filter(reply__turn__conversation=own)],
}))
"""


@pytest.fixture
def model(filled: Filled) -> Iterator[StandIn]:
    with standing_in() as server:
        code = LET_ANSWER.format(slug=filled.words["chat"], address=server.address)
        filled.site.manage("shell", "--verbosity", "0", "-c", code)
        yield server


@pytest.fixture
def phone(filled: Filled, browser: Browser) -> Iterator[Page]:
    """Remy's, on a new conversation; a script that fails fails the test."""
    context = filled.context(browser, "remy", viewport=PHONE, has_touch=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    page.goto(f"/p/{filled.words['chat']}/chat/")
    yield page
    with suppress(Exception):
        page.context.set_offline(False)
        page.goto(f"/p/{filled.words['chat']}/chat/")
    context.close()
    assert errors == []


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Ask the chatbot something").or_(page.locator("#question")).first.fill(
        question
    )
    page.get_by_role("button", name="Send").click()


def stored(filled: Filled) -> dict:
    printed = filled.site.manage("shell", "--verbosity", "0", "-c", STORED)
    return json.loads(printed.strip().splitlines()[-1])


def status_is(page: Page, words: str) -> None:
    expect(page.locator("#status")).to_contain_text(words)


def test_an_answer_is_read_as_it_is_written_and_rendered_at_its_end(
    phone: Page, model: StandIn, filled: Filled
):
    model.goes_on.clear()
    ask(phone, "Why is it warm?")
    writing = phone.locator(".writing")
    expect(writing).to_have_text("Because")
    expect(phone.get_by_role("log")).to_have_attribute("aria-busy", "true")
    status_is(phone, "The chatbot is writing")
    model.goes_on.set()
    expect(phone.locator(".turn strong")).to_have_text("sun")
    status_is(phone, "The answer is complete.")
    expect(phone.get_by_role("log")).to_have_attribute("aria-busy", "false")
    assert not phone.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    model.answers = ["At night it cools."]
    ask(phone, "And at night?")
    expect(phone.locator(".turn").nth(1)).to_contain_text("At night it cools.")
    assert phone.locator("#question").input_value() == ""
    expect(phone.get_by_role("button", name="Again")).to_have_count(1)
    assert stored(filled)["texts"] == ["Because of the **sun**.", "At night it cools."]


def test_stop_keeps_what_came_and_again_asks_anew(phone: Page, model: StandIn, filled: Filled):
    model.goes_on.clear()
    ask(phone, "Why is it warm?")
    expect(phone.locator(".writing")).to_have_text("Because")
    phone.get_by_role("button", name="Stop").click()
    status_is(phone, "Stopped.")
    model.goes_on.set()
    expect(phone.locator(".turn .speaker").nth(1)).to_contain_text("stopped")
    phone.get_by_role("button", name="Again").click()
    expect(phone.locator(".turn strong")).to_have_text("sun")
    assert stored(filled)["whole"] == [True]


def test_show_me_two_edit_and_thumbs(phone: Page, model: StandIn, filled: Filled):
    model.answers = ["The first one.", "The second one."]
    ask(phone, "Why is it warm?")
    expect(phone.locator(".turn")).to_contain_text("The first one.")
    phone.get_by_role("button", name="Show me two").click()
    expect(phone.get_by_role("heading", name="Answer A")).to_be_visible()
    assert phone.locator(".writing").count() == 0
    phone.get_by_role("button", name="B is better").click()
    expect(phone.get_by_role("button", name="Good")).to_be_visible()
    phone.get_by_role("button", name="Bad").click()
    phone.get_by_label("Off topic").check()
    flags = phone.get_by_role("group", name="What is wrong with it?").locator("xpath=..")
    save = flags.get_by_role("button", name="Save").element_handle()
    save.click()
    save.wait_for_element_state("hidden")  # the turn is there anew, so that nothing typed is replaced
    expect(phone.get_by_label("Off topic")).to_be_checked()
    phone.get_by_text("Edit: how it should have been said").click()
    phone.get_by_label("The answer as you would give it").fill("Because of the sun, my dear.")
    phone.locator("details").get_by_role("button", name="Save").click()
    expect(phone.get_by_text("Edited: how it should have been said")).to_be_visible()
    found = stored(filled)
    assert (found["preferred"], found["thumbs"]) == (["b"], [[False, ["off_topic"]]])
    assert found["edits"] == ["Because of the sun, my dear."]


def test_consent_is_given_and_taken_back_and_the_conversation_deleted(
    phone: Page, model: StandIn, filled: Filled
):
    ask(phone, "Why is it warm?")
    expect(phone.locator(".turn strong")).to_have_text("sun")
    phone.reload()
    phone.get_by_text("Let it teach").click()
    expect(phone.get_by_text("Names of people are not found")).to_be_visible()
    phone.get_by_role("button", name="I agree").click()
    expect(phone.get_by_text("you agreed on")).to_be_visible()
    assert stored(filled)["teaches"]
    phone.get_by_role("button", name="Take it back").click()
    expect(phone.get_by_text("Nothing of this conversation is kept for learning any more.")).to_be_visible()
    assert not stored(filled)["teaches"]
    phone.get_by_role("button", name="Delete this conversation").click()
    expect(phone.get_by_text("The conversation was deleted.")).to_be_visible()


def test_offline_the_message_stays_and_is_sent_later(phone: Page, model: StandIn, filled: Filled):
    ask(phone, "Why is it warm?")
    expect(phone.locator(".turn strong")).to_have_text("sun")
    phone.context.set_offline(True)
    ask(phone, "And at night?")
    status_is(phone, "You are offline. Your message is still here")
    assert phone.locator("#question").input_value() == "And at night?"
    phone.context.set_offline(False)
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator(".turn").nth(1)).to_contain_text("sun")


def test_a_server_that_is_down_is_told_and_asked_again_later(phone: Page, model: StandIn, filled: Filled):
    model.breaks_off = True
    model.answers = ["", "Here I am."]
    ask(phone, "Why is it warm?")
    status_is(phone, "The model cannot be reached just now.")
    model.breaks_off = False
    phone.get_by_role("button", name="Get an answer").click()
    expect(phone.locator(".turn")).to_contain_text("Here I am.")


def test_by_keyboard_enter_sends_and_focus_stays(filled: Filled, browser: Browser, model: StandIn):
    context = filled.context(browser, "remy", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"/p/{filled.words['chat']}/chat/")
    page.locator("#question").focus()
    page.keyboard.type("Why is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("it warm?")
    page.keyboard.press("Enter")
    expect(page.locator(".turn strong")).to_have_text("sun")
    assert page.locator(".asked").inner_text() == "Why is\nit warm?"
    page.get_by_role("button", name="Good").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Good")).to_be_focused()
    context.close()


def test_without_scripts_a_plain_form_does_it(filled: Filled, browser: Browser, model: StandIn):
    context = filled.context(browser, "remy", java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(f"/p/{filled.words['chat']}/chat/")
    ask(page, "Why is it warm?")
    expect(page.locator(".turn strong")).to_have_text("sun")
    page.get_by_role("button", name="Bad").click()
    expect(page.get_by_text("What is wrong with it?")).to_be_visible()
    model.answers = ["Another one."]
    page.get_by_role("button", name="Show me two").click()
    page.get_by_role("button", name="About equal").click()
    expect(page.get_by_role("button", name="Bad")).to_be_visible()
    context.close()


def test_a_visitor_talks_without_an_account(filled: Filled, browser: Browser, model: StandIn):
    context = filled.context(browser, "", viewport=PHONE)
    page = context.new_page()
    page.goto(f"/talk/{filled.words['chat']}/")
    ask(page, "Why is it warm?")
    expect(page.locator(".turn strong")).to_have_text("sun")
    status_is(page, "The answer is complete.")
    model.answers = ["At night it cools."]
    ask(page, "And at night?")
    expect(page.locator(".turn").nth(1)).to_contain_text("At night it cools.")
    page.reload()
    assert page.locator(".turn").count() == 2
    page.get_by_role("button", name="Forget this conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    context.close()
