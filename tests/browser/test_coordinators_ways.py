"""A coordinator's ways: set the week up, read why the gate said no, release, go back, compare two updates."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")

MATERIAL = """
from tests.factories import make_user
from tests.training.making import make_judged
make_judged(slug="week", coordinator=make_user("wanda@example.org", "Wanda"))
"""
# What a worker would do; engines are another test's. `accuracy` is the lowest that the reward model may have.
LEARNED = """
from annotator.models import Project
from tests.factories import coordinator_of
from tests.training import making
from training.services.gate.rule import tend
from training.services.sampling.control import cancel_sampling
project = Project.objects.get(slug="week")
for run in project.runs.active():
    cancel_sampling(run=run, actor=coordinator_of(project))
making.METRICS["reward"]["accuracy_low"] = {accuracy}
tend(making.make_finished(making.make_update(project)))
"""


def test_a_week_is_set_up_read_decided_and_taken_back(site: Site, page: Page) -> None:
    site.manage("shell", "-c", MATERIAL)
    page.goto(site.sign_in_link("wanda@example.org"))
    page.get_by_role("button", name="Sign in").click()

    page.goto("/p/week/training/schedule/")
    page.get_by_label("Run updates on a schedule").check()
    page.get_by_label("Sunday").check()
    page.get_by_label("Time of day").fill("23:30")
    expect(page.locator("#next-times li")).to_have_count(5)
    expect(page.locator("#next-times")).to_contain_text("Sunday")
    page.get_by_label("Who decides about a new version").select_option(
        "People test it blindly, then it goes live if it passes everything"
    )
    page.get_by_role("button", name="Save").click()

    site.manage("shell", "-c", LEARNED.format(accuracy=0.4))
    page.goto("/p/week/training/rounds/")
    expect(page.locator("tbody tr").last).to_contain_text("Not released")
    page.get_by_role("link", name="Round 1", exact=True).click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    expect(page.locator("main")).to_contain_text("Version 1 was rejected.")
    failed = page.locator("#gate li", has=page.locator(".badge.bad"))
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("reward model")

    site.manage("shell", "-c", LEARNED.format(accuracy=0.7))
    page.goto("/p/week/training/")
    page.get_by_role("link", name="Look at the results and decide").click()
    page.get_by_role("button", name="Release Version 2").click()
    expect(page.locator("main")).to_contain_text("Version 2 is live")
    page.goto("/p/week/training/")
    page.get_by_role("button", name="Go back to Version 0").click()
    expect(page.locator("section", has_text="Live version").locator(".number").last).to_have_text("Version 0")

    page.goto("/p/week/training/rounds/")
    page.get_by_role("link", name="Update 2 and the one before").click()
    expect(page.get_by_role("heading", name="Update 1 and Update 2")).to_be_visible()
    expect(page.locator("main")).to_contain_text("After, and better")
