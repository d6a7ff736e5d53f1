"""A full-page picture of every page of a running site: phones and desktop, light and dark.

    make screenshots       while `make run` serves the site in another terminal

Follows the links from the coordinator's home page, one page for each of the site's addresses, and writes
build/screenshots/<page>-<width>-<theme>.png. Ends with status 1 when a page scrolls sideways or its console
reports an error.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import django
from django.urls import Resolver404, resolve
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET

OUT = Path("build/screenshots")
HEIGHTS = {320: 640, 390: 844, 1280: 900}
SIGNED_OUT = {"account_login": "/account/login/", "join": "/join/no-such-link/", "not-found": "/nowhere/"}
LOOKS = [(width, theme) for width in HEIGHTS for theme in ("light", "dark")]


def main() -> int:
    django.setup()
    OUT.mkdir(parents=True, exist_ok=True)
    site = f"http://127.0.0.1:{os.environ['CHORUS_PORT']}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        state = sign_in(browser)
        pages = find_pages(browser.new_context(base_url=site, storage_state=state).new_page())
        troubles = [
            trouble
            for width, theme in LOOKS
            for group, storage in ((pages, state), (SIGNED_OUT, None))
            for trouble in take(
                browser.new_context(
                    base_url=site,
                    storage_state=storage,
                    color_scheme=theme,
                    viewport={"width": width, "height": HEIGHTS[width]},
                ),
                group,
                f"{width}-{theme}",
            )
        ]
        browser.close()
    print(
        f"{len(pages) + len(SIGNED_OUT)} pages, {len(LOOKS)} pictures of each in {OUT}/", *troubles, sep="\n"
    )
    return 1 if troubles else 0


def sign_in(browser: Browser) -> StorageState:
    """The cookies of the demonstration's coordinator."""
    printed = subprocess.check_output(
        [sys.executable, "manage.py", "sign_in_link", "coordinator@example.org"], text=True
    )
    found = re.search(r"http://\S+", printed)
    assert found, printed
    page = browser.new_page()
    page.goto(found.group())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    page.goto(urljoin(page.url, "/p/climate-tutor/rank/"))
    if (agree := page.get_by_role("button", name="I agree")).is_visible():
        agree.click()  # else the picture of the desk would be one of this page
    return page.context.storage_state()


def find_pages(page: Page) -> dict[str, str]:
    """The path of one page for each named address that links lead to, in the order of finding."""
    found, todo = {}, ["/"]
    while todo:
        path = todo.pop(0)
        try:
            name = resolve(path).view_name
        except Resolver404:
            continue
        if name in found:
            continue
        answer = page.goto(path)
        if answer is None or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        found[name] = path
        links = page.eval_on_selector_all("a[href]:not([download])", "all => all.map((a) => a.href)")
        todo += [urlsplit(link).path for link in links if urlsplit(link).netloc == urlsplit(page.url).netloc]
    return found


def take(context: BrowserContext, pages: dict[str, str], look: str) -> list[str]:
    """Take the pictures; what is wrong with the pages, one line each."""
    troubles = []
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(f"{page.url} {look}: {error}"))
    for name, path in pages.items():
        page.goto(path, wait_until="networkidle")
        page.screenshot(path=OUT / f"{name.replace(':', '-')}-{look}.png", full_page=True)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            troubles.append(f"{path} {look}: scrolls sideways")
    context.close()
    return troubles


if __name__ == "__main__":
    sys.exit(main())
