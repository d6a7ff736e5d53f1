"""The documentation page of the API in a real browser, under the site's own content policy."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("browser")


def test_the_documentation_lists_and_opens_operations_and_fits_a_phone(page: Page):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/api/v1/docs/")
    expect(page.locator(".opblock").first).to_be_visible()
    assert page.locator(".opblock").count() >= 20
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    expect(page.locator("html")).to_have_class("dark-mode")
    page.get_by_role("button", name="Judge a comparison").first.click()
    expect(page.get_by_text("The first one mixes up weather and climate.").first).to_be_visible()
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark-mode")
