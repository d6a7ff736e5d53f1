"""The whole loop by hand: sign in by the link, rank, update, release, rank the new version."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.corpora import make_corpus

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")

SMALL = {
    "reward": {"max_steps": 4, "min_pairs": 1, "batch_size": 4, "lora_r": 4},
    "ppo": {"steps": 2, "batch_size": 8, "minibatches": 2, "max_new_tokens": 24, "lora_r": 4},
    "generate": {"max_new_tokens": 24},
    "evaluate": {"samples_per_prompt": 1, "max_new_tokens": 24},
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus") / "corpus.jsonl")


def rank_with_keys(page: Page) -> None:
    """Give each answer the next rank, from the keyboard alone."""
    answers = page.locator("#desk .answer").count()
    page.keyboard.press("ArrowDown")
    for rank in range(1, answers + 1):
        page.keyboard.press(str(rank))
    page.keyboard.press("Enter")


def rank_with_clicks(page: Page) -> None:
    """Rank the answers from last to first by their buttons; of two the second is the better one."""
    answers = page.locator("#desk .answer")
    count = answers.count()
    if count == 2:
        page.get_by_label("B is better").check()
    else:
        for place in range(count):
            answers.nth(place).locator(f"label.rank:has(input[value='{count - place}'])").click()
    page.get_by_role("button", name="Submit").click()


def test_the_loop_by_hand(site: Site, page: Page, corpus: Path) -> None:
    link = re.search(r"http://\S+", site.manage("prepare_demo", "--corpus", str(corpus)).split("once:")[1])
    assert link
    page.goto(link.group())
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Rank", exact=True).click()
    page.get_by_role("button", name="I agree").click()
    for number, rank in enumerate([rank_with_keys, rank_with_clicks] * 6, start=1):
        first = page.locator("#judgment-form input[name=key]").get_attribute("value")
        rank(page)
        expect(page.locator("#desk-status")).to_contain_text(f"Saved. {number} today.")
        expect(page.locator(f"#judgment-form input[value='{first}']")).to_have_count(0)

    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("link", name="Schedule and settings").click()
    page.locator("#id_settings").fill(json.dumps(SMALL))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("button", name="Run the weekly update now").click()
    expect(page.get_by_role("button", name="Release Version 1")).to_be_visible(timeout=180_000)

    page.get_by_role("button", name="Release Version 1").click()
    expect(page.locator("main")).to_contain_text("Version 1")
    page.get_by_role("link", name="Rank", exact=True).click()
    expect(page.locator("#desk-progress")).to_contain_text("Round 2")
    assert "Version" not in page.locator("main").inner_html()
    rank_with_keys(page)
    expect(page.locator("#desk-status")).to_contain_text("Saved. 13 today.")
