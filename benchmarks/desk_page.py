"""What the ranking page costs a volunteer who opens it for the first time: bytes, requests and seconds.

    make bench-desk-page
    python -m benchmarks.desk_page [--visits 9]

Chromium over loopback, with nothing in its cache at each visit, at a site with the Procfile's web process and
collected static files. Bytes are those on the wire, headers included, of all that the page asks for until it
holds two comparisons ahead and its service worker is ready; what that worker asks for beside it, once in a
version of the site, is listed apart. Seconds run from the start of the visit until the answers can be seen.
Prints the median and the files' bytes, and writes build/bench/desk_page.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

RESULTS = ROOT / "build/bench/desk_page.json"
CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
DESK = "/p/desk/rank/"
_COMPARISONS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visits", type=int, default=9)
    visits = parser.parse_args().visits
    with served_site() as (url, session):
        found = visit(url, session, visits)
    least, most = min(found["seconds"]), max(found["seconds"])
    for who in ("page", "service worker"):
        files = found["files"][who]
        print(f"{who}: {sum(files.values()) / 1000:.1f} kB in {len(files)} requests")
        for name, size in files.items():
            print(f"{size:8,}  {name}")
    print(f"answers after {found['median_s']:.2f} s (median of {visits}; {least:.2f} to {most:.2f})")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@contextmanager
def served_site() -> Iterator[tuple[str, str]]:
    """The address of a site with an open round of four answers each, and a volunteer's session there."""
    from benchmarks.desk.site import HOST

    with tempfile.TemporaryDirectory(prefix="chorus-page-") as folder:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            CHORUS_ENV="local",
            CHORUS_HOSTS=HOST,
            CHORUS_SECRET_KEY="only-for-a-benchmark-that-stores-nothing-0123456789",
            CHORUS_DATA_DIR=folder,
            DATABASE_URL=f"sqlite:///{Path(folder) / 'db.sqlite3'}",
        )
        for command in ("migrate", "collectstatic --noinput"):
            manage = [sys.executable, "manage.py", *command.split(), "--verbosity", "0"]
            subprocess.run(manage, cwd=ROOT, check=True)
        import django

        django.setup()
        from benchmarks.desk import site as desk_site

        volunteer = desk_site.make_comparisons(_COMPARISONS, people=1, judgments=_COMPARISONS)[0]
        with desk_site.served(desk_site.production_web()) as (site, _):
            yield f"http://127.0.0.1:{site.port}", volunteer.cookies["sessionid"]


def visit(url: str, session: str, visits: int) -> dict[str, Any]:
    """Visits with an empty cache, one after the other; the first, which warms the server, does not count."""
    from playwright.sync_api import Browser, Request, sync_playwright

    # Without it Playwright hides what a service worker asks for.
    os.environ["PW_EXPERIMENTAL_SERVICE_WORKER_NETWORK_EVENTS"] = "1"

    def once(browser: Browser) -> tuple[float, dict[str, dict[str, int]]]:
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        requests: list[Request] = []
        context.on("requestfinished", lambda each: requests.append(each))
        page = context.new_page()
        began = time.perf_counter()
        page.goto(DESK, wait_until="commit")
        page.locator(".answer").last.wait_for(state="visible")
        seconds = time.perf_counter() - began
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        page.wait_for_timeout(500)
        by_page = {
            each.url.removeprefix(url): each.sizes()["responseHeadersSize"] + each.sizes()["responseBodySize"]
            for each in requests
            if not each.service_worker
        }
        # Of a worker Playwright knows no sizes; what the page has asked for comes out of the browser's cache.
        by_worker = {
            each.url.removeprefix(url): bytes_on_the_wire(each.url)
            for each in requests
            if each.service_worker and each.url.removeprefix(url) not in by_page
        }
        context.close()
        return seconds, {"page": by_page, "service worker": by_worker}

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        found = [once(browser) for _ in range(visits + 1)][1:]
        browser.close()
    seconds, files = [each for each, _ in found], found[-1][1]
    return {"median_s": statistics.median(seconds), "seconds": seconds, "files": files}


def bytes_on_the_wire(address: str) -> int:
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        return len(answer.read()) + len(bytes(answer.headers))


if __name__ == "__main__":
    main()
