"""PostgreSQL ends every connection every second: people wait, and nothing acknowledged is lost."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.serving import wait_for

from .people import make_people, ranking, stored_keys
from .site import Site
from .tables import show
from .updates import in_a_hurry, make_updatable, start_update, wait_for_the_end

PEOPLE = 8
pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.skipif("DATABASE_URL" not in os.environ, reason="SQLite has no connections to end"),
]


def test_connections_ended_every_second(site: Site, minutes: float):
    people = make_people(site, people=PEOPLE, prompts=round(400 * (1 + minutes)))
    make_updatable(site)
    names = in_a_hurry(site)
    for name in names:
        site.start(name)
    with ranking(site, people, think=0.4) as answers:
        wait_for(lambda: len(answers.keys) > PEOPLE)
        start_update(site)  # before, since the command that starts it may lose its connection, too
        with connections_ended(site) as ended:
            time.sleep(60 * minutes)
        before = len(answers.keys)
        wait_for(lambda: len(answers.keys) > before + PEOPLE)
    died = [name for name in ("web", *names) if site.running[name].poll() is not None]
    for name in died:
        site.start(name)  # as supervision would
    found = wait_for_the_end(site)
    stored = stored_keys(site)
    row = {
        "ended": ended["connections"],
        "acknowledged": len(answers.keys),
        "503 or interrupted": answers.interrupted,
        "other answers": len(answers.refused),
        "lost": len(answers.keys - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "processes that died": ", ".join(died) or "none",
        **Counter(update["state"] for update in found["updates"]),
    }
    show("All connections to PostgreSQL ended every second", [row])
    assert answers.refused == [] and answers.keys <= set(stored) and len(stored) == len(set(stored))
    assert died == []


@contextmanager
def connections_ended(site: Site) -> Iterator[Counter[str]]:
    """End all connections to the site's database every second, and count them."""
    ended, over = Counter[str](), threading.Event()
    name = site.env["DATABASE_URL"].rpartition("/")[2]

    def end() -> None:
        with psycopg.connect(
            os.environ["DATABASE_URL"].replace("postgres://", "postgresql://"), autocommit=True
        ) as own:
            while not over.wait(1):
                found = own.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )
                ended["connections"] += len(found.fetchall())

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield ended
    finally:
        over.set()
        thread.join()
