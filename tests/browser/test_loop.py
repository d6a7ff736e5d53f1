"""The whole loop by hand: sign in by the link, sample, rank, update, release, rank the new version."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.training.making import SMALL

from .conftest import Site, at_work

pytestmark = pytest.mark.xdist_group("browser")
# Milliseconds for what a worker does: its engine gives way to everything else on the machine.
LONG = 400_000

MATERIAL = """
from tests.factories import make_project, make_prompt, make_user
from training.services.versions.base_version import register_base_version

cleo = make_user("cleo@example.org", "Cleo")
project = make_project("loop", base_model={base!r}, completions_per_comparison=2, coordinator=cleo)
for number in range(12):
    make_prompt(project, f"Is thing {{number}} good?")
register_base_version(project=project, actor=cleo)
"""


@pytest.fixture
def base(site: Site, tmp_path: Path) -> Iterator[str]:
    """A tiny base model, and a worker beside the site whose engines start at once."""
    with at_work(site, tmp_path / "base"):
        yield str(tmp_path / "base")


def rank_with_keys(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    page.keyboard.press("Enter")


def rank_with_clicks(page: Page) -> None:
    page.get_by_label("B is better", exact=True).check()
    page.get_by_role("button", name="Submit").click()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"**/{name.lower()}/")  # loaded, so that its keys work


def test_the_loop_by_hand(site: Site, page: Page, base: str) -> None:
    site.manage("shell", "-c", MATERIAL.format(base=base))
    page.goto(site.sign_in_link("cleo@example.org"))
    page.get_by_role("button", name="Sign in").click()
    page.goto("/p/loop/training/schedule/")
    for stage in page.locator("details.recipe > summary").all():
        stage.click()
    for stage, values in SMALL.items():
        for name, value in values.items():
            page.locator(f"#id_{stage}-{name}").fill(str(value))
    page.get_by_role("button", name="Save").click()

    open_tab(page, "Training")
    page.get_by_role("button", name="Sample answers and open a round").click()
    expect(page.locator("#sampling")).to_contain_text("Answers are being sampled.")
    expect(page.locator("#sampling")).not_to_contain_text("Answers are being sampled.", timeout=LONG)

    open_tab(page, "Rank")
    for number, rank in enumerate([rank_with_keys, rank_with_clicks] * 3, start=1):
        first = page.locator("#judgment-form input[name=key]").get_attribute("value")
        rank(page)
        expect(page.locator("#desk-status")).to_contain_text(f"Saved. {number} today.")
        expect(page.locator(f"#judgment-form input[value='{first}']")).to_have_count(0)

    open_tab(page, "Training")
    page.get_by_role("button", name="Run an update anyway").click()
    release = page.get_by_role("button", name="Release Version 1")
    expect(release).to_be_visible(timeout=LONG)
    release.click()
    expect(page.locator("main")).to_contain_text("Version 1")
    expect(page.locator("#sampling")).to_contain_text("Answers are being sampled.")
    expect(page.locator("#sampling")).not_to_contain_text("Answers are being sampled.", timeout=LONG)

    open_tab(page, "Rank")
    expect(page.locator("#desk-progress")).to_contain_text("Round 2")
    assert "Version" not in page.locator("main").inner_html()
    rank_with_keys(page)
    expect(page.locator("#desk-status")).to_contain_text("Saved. 7 today.")
