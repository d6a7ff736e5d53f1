"""Lighthouse's scores of the pages that volunteers meet first, under its own phone and slow network.

    make bench-lighthouse
    python -m benchmarks.lighthouse --lighthouse build/lighthouse/node_modules/.bin/lighthouse [--runs 3]

Against a site with the Procfile's web process, on this machine, in Chromium without a window; each page is
signed in or not as a volunteer meets it. Prints the run with the median performance of each page, with what
costs it points, and writes build/bench/lighthouse.json. Ends with status 1 below a goal.

| goal | |
|---|---|
| performance, accessibility, best practices | at least 95 of 100 each |
| largest contentful paint | at most 2.0 s |
| cumulative layout shift | at most 0.05 |
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.desk_page import CHROMIUM, DESK, QUIET, served_site
from benchmarks.processes import ROOT, free_port

RESULTS = ROOT / "build/bench/lighthouse.json"
CATEGORIES = ("performance", "accessibility", "best-practices")
PAGES = {
    "ranking": (DESK, True),
    "home": ("/", True),
    "project": ("/p/desk/", True),
    "sign-in": ("/account/login/", False),
}
SCORE, LCP_SECONDS, SHIFT = 95, 2.0, 0.05


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lighthouse", required=True, help="the command")
    parser.add_argument("--runs", type=int, default=3, help="of each page")
    options = parser.parse_args()
    found = {}
    print(f"{'':9} performance  accessibility  best practices  LCP s    CLS    kB")
    with (
        served_site() as (url, session),
        tempfile.TemporaryDirectory() as profile,
        sync_playwright() as driver,
    ):
        port = free_port()
        # A browser with a real cookie: one in Lighthouse's extra headers does not go with what scripts fetch.
        browser = driver.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=[*QUIET, f"--remote-debugging-port={port}"]
        )
        for page, (path, is_signed_in) in PAGES.items():
            browser.clear_cookies()
            if is_signed_in:
                browser.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            runs = [audit(options.lighthouse, url + path, port) for _ in range(options.runs)]
            found[page] = sorted(runs, key=lambda run: run["performance"])[len(runs) // 2]
            show(page, found[page])
        browser.close()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.exit(any(falls_short(run) for run in found.values()))


def audit(command: str, address: str, port: int) -> dict[str, Any]:
    """One run: scores of 100, seconds, shift, kilobytes, and the audits that are not passed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = [
            command,
            address,
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            f"--only-categories={','.join(CATEGORIES)}",
            f"--port={port}",
            "--no-enable-error-reporting",
        ]
        subprocess.run(arguments, check=True)
        result = json.loads(report.read_text())
    audits = result["audits"]
    if error := result.get("runtimeError"):
        sys.exit(f"{address}: {error['message']}")
    weighed = {each["id"] for name in CATEGORIES for each in result["categories"][name]["auditRefs"]}
    return {
        **{name: round(100 * result["categories"][name]["score"]) for name in CATEGORIES},
        "lcp_s": audits["largest-contentful-paint"]["numericValue"] / 1000,
        "shift": audits["cumulative-layout-shift"]["numericValue"],
        "kilobytes": audits["total-byte-weight"]["numericValue"] / 1000,
        "not_passed": {
            name: f"{each['title']} {each.get('displayValue', '')}".strip()
            for name, each in audits.items()
            if name in weighed and each["score"] is not None and each["score"] < 0.9
        },
    }


def falls_short(run: dict[str, Any]) -> bool:
    scores = min(run[name] for name in CATEGORIES)
    return scores < SCORE or run["lcp_s"] > LCP_SECONDS or run["shift"] > SHIFT


def show(page: str, run: dict[str, Any]) -> None:
    scores = f"{run['performance']:>12}{run['accessibility']:>15}{run['best-practices']:>16}"
    short = "  falls short" if falls_short(run) else ""
    print(f"{page:9}{scores}{run['lcp_s']:7.2f}{run['shift']:7.3f}{run['kilobytes']:6.1f}{short}", flush=True)
    for name, words in run["not_passed"].items():
        print(f"{'':9}{name}: {words}")


if __name__ == "__main__":
    main()
