"""How much the ranking page weighs when it is opened for the first time, as it comes over the wire."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request

from .pages import Filled

pytestmark = pytest.mark.xdist_group("browser")

KILOBYTES = 60
REQUESTS = 14


def test_the_ranking_page_is_light(filled: Filled, browser: Browser):
    context = filled.context(browser, "vera")
    requests: list[Request] = []
    context.on("requestfinished", lambda each: requests.append(each))  # those of its service worker, too
    page = context.new_page()
    page.goto("/p/pages-four/rank/", wait_until="networkidle")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    sizes = {
        each.url: each.sizes()["responseHeadersSize"] + each.sizes()["responseBodySize"] for each in requests
    }
    html = page.content()
    context.close()
    # What the service worker keeps for times without a connection comes after, once a version.
    of_page = {each.url for each in requests if each.service_worker is None}
    assert len(of_page) <= REQUESTS, of_page
    scripts = {urlsplit(url).path for url in of_page if url.endswith(".js")}
    assert len(scripts) > 3
    assert [path for path in scripts if path not in html] == [], "name these in the page, or they come late"
    assert 2000 < sum(sizes.values()) <= KILOBYTES * 1000, sizes


def test_pages_and_their_files_travel_compressed_and_files_are_kept_for_good(
    filled: Filled, browser: Browser
):
    context = filled.context(browser, "vera")
    page = context.new_page()
    with context.expect_event("response", lambda one: one.url.endswith(".css")) as style:
        answer = page.goto("/p/pages-four/rank/")
    assert answer and answer.headers["content-encoding"] == "gzip"
    assert style.value.headers["content-encoding"] == "gzip"
    assert re.search(r"max-age=315360000.*immutable", style.value.headers["cache-control"])
    context.close()


def test_nothing_is_inline(filled: Filled, browser: Browser):
    context = filled.context(browser, "vera")
    html = context.request.get("/p/pages-four/rank/").text()
    assert re.search('<script type="module"[^>]* src=', html)
    assert not re.search(r"<style|<script(?![^>]* src=)|\sstyle=|\son[a-z]+=", html)
    context.close()
