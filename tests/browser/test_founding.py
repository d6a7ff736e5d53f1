"""From nothing to a project with prompts: a superuser founds it in the browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Site, at_work, sign_in

pytestmark = pytest.mark.xdist_group("browser")
# Milliseconds for what a worker does: its engine gives way to everything else on the machine.
LONG = 200_000
FIRST = """
from annotator.models import User
from tests.factories import PASSWORD
User.objects.create_superuser("first@example.org", PASSWORD)
"""


def test_a_superuser_comes_from_nothing_to_a_project_with_prompts(site: Site, page: Page) -> None:
    site.manage("shell", "-c", FIRST)
    models = Path(site.env["CHORUS_BASE_MODELS"])
    models.mkdir()
    page.set_viewport_size({"width": 390, "height": 844})
    with at_work(site, models / "tiny"):
        sign_in(page, "first@example.org")
        page.get_by_role("link", name="New project").click()

        page.get_by_label("Name").fill("Sea tutor of ours")
        page.get_by_label("Name").blur()
        expect(page.get_by_label("Address")).to_have_value("sea-tutor-of-ours")
        page.get_by_label("Purpose").fill("Answers children's questions about the sea.")
        page.get_by_label("Base model").select_option("tiny · on this server")
        page.get_by_label("Guidelines:").fill("True comes *first*.")
        page.get_by_role("button", name="Show them as they are now").click()
        expect(page.locator("#preview .prose")).to_have_text("True comes first.")
        expect(page.get_by_label("Address")).to_have_value("sea-tutor-of-ours")
        page.get_by_role("button", name="Create the project").click()

        page.wait_for_url("**/p/sea-tutor-of-ours/", timeout=LONG)
    expect(page.get_by_role("heading", name="What to do next")).to_be_visible()
    page.get_by_role("link", name="Write prompts").click()
    page.locator("[name=text]").fill("Why is the sea salty?\nHow deep is it?")
    page.get_by_role("button", name="Add to the project").click()
    page.goto("/p/sea-tutor-of-ours/prompts/")
    for question in ("Why is the sea salty?", "How deep is it?"):
        expect(page.locator("main")).to_contain_text(question)
