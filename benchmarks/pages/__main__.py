"""How long the pages take that count judgments, at a project with many of them.

    make bench-pages
    python -m benchmarks.pages [--judgments 100000] [--answers 4] [--visits 3]

A project in a new SQLite database, or in the one that DATABASE_URL names: so many judgments by 500 people,
three on each comparison of answers by different versions, in four rounds, with a fit of the votes. Each page
is asked for as by a coordinator, in this process. Prints processor seconds of a request, SQLite's among them,
the least and the most of the visits, after one that is not counted, and writes build/bench/pages.json.
"""

import argparse
import json
import logging
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

RESULTS = ROOT / "build/bench/pages.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--judgments", type=int, default=100_000)
    parser.add_argument("--answers", type=int, default=4, help="of a comparison")
    parser.add_argument("--versions", type=int, default=8)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--only", help="pages whose names contain this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chorus-pages-") as scratch:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            CHORUS_ENV="local",
            CHORUS_HOSTS="testserver",
            CHORUS_SECRET_KEY=secrets.token_hex(32),
            CHORUS_DATA_DIR=scratch,
        )
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(scratch) / 'db.sqlite3'}")
        found = measure(options)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"settings": vars(options), "seconds": found}, indent=2) + "\n")


def measure(options: argparse.Namespace) -> dict[str, list[float]]:
    import django

    django.setup()
    logging.disable(logging.INFO)  # the site's settings log every sign-in
    from django.core.management import call_command

    from benchmarks.pages.material import make_judged
    from ranking.services.fits.worker import fit_project

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    project, coordinator = make_judged(options.judgments, options.answers, options.versions, options.people)
    began = time.process_time()
    fit_project(project)
    found = {"job: fit of the votes": [time.process_time() - began]}
    print(f"{'fit of the votes, by the worker':40} {found['job: fit of the votes'][0]:6.2f}", flush=True)
    for name, address in addresses(project).items():
        if options.only and options.only not in name:
            continue
        found[name] = visit(coordinator, address, options.visits)
        print(f"{name:40} {min(found[name]):6.2f} – {max(found[name]):.2f}", flush=True)
    return found


def addresses(project: Any) -> dict[str, str]:
    from django.urls import reverse

    def page(name: str, *args: object, query: str = "") -> str:
        return reverse(name, args=[project.slug, *args]) + query

    return {
        "overview": page("project"),
        "rankings": page("rankings"),
        "progress of a round": page("round-progress", 1),
        "leaderboard": page("leaderboard"),
        "leaderboard of one language": page("leaderboard", query="?language=fr"),
        "agreement": page("agreement"),
        "agreement of a round": page("agreement", query="?round=1"),
        "judgments": page("browse-judgments"),
        "judgments of a round": page("browse-judgments", query="?round=1"),
        "judgments with a word": page("browse-judgments", query="?q=glacier"),
        "judgments of a person": page("browse-judgments", query=f"?person={somebody_in(project)}"),
    }


def somebody_in(project: Any) -> str:
    from annotator.pseudonyms import pseudonym_of

    return pseudonym_of(project.pk, project.memberships.filter(role="volunteer").first().user_id)


def visit(person: Any, address: str, visits: int) -> list[float]:
    """Processor seconds of each request; the first one, which loads what the page needs, is left out."""
    from django.test import Client

    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    seconds = []
    for _ in range(visits + 1):
        began = time.process_time()
        response = client.get(address)
        seconds.append(time.process_time() - began)
        assert response.status_code == 200, (address, response.status_code)
    return seconds[1:]


if __name__ == "__main__":
    main()
