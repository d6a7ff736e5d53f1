"""Connections that keep the site waiting: nobody else waits with them."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from .attacks import Attack, ask_ahead, attack, be_idle, be_silent, read_slowly, send_slowly
from .proxy import HOST, behind_nginx
from .site import Site, usage
from .tables import show
from .visitors import visitors

CROWD: dict[Attack, int] = {be_silent: 500, read_slowly: 200, send_slowly: 200}
P95 = 0.5
"""Seconds that most pages may take for others meanwhile, and MiB that the server may have grown by after."""
GROWN = 30


def attack_and_count(
    site: Site,
    port: int,
    crowd: dict[Attack, int],
    seconds: float,
    *,
    one_address: bool = False,
    **where: object,
) -> list[dict[str, object]]:
    """Rows for before, during and after: how long others wait, and what the server's processes hold."""
    web, rows = site.running["web"], []
    for phase in ("before", "during", "after"):
        with ExitStack() as stack:
            if phase == "during":
                counts = stack.enter_context(attack(port, crowd, one_address=one_address, **where))
            waits = stack.enter_context(visitors(port, **where))
            time.sleep(seconds if phase == "during" else 5)
            held = usage(web)
        rows.append(
            {"phase": phase, **waits.row(), "MiB": round(held.mib), "files": held.files}
            | (dict(counts) if phase == "during" else {})
        )
        time.sleep(2)
    rows[0] |= dict.fromkeys(counts, "")
    return rows


def check(rows: list[dict[str, object]], lost: float = 0) -> None:
    """`lost` is the part of the pages that may not come."""
    before, during, after = rows
    assert during["failed"] <= lost * during["pages"]
    assert during["p95 ms"] <= 1000 * P95
    assert after["MiB"] - before["MiB"] <= GROWN
    assert after["files"] - before["files"] <= 10


def test_six_silent_forms(site: Site):
    rows = attack_and_count(site, site.port, {be_silent: 6}, 15)
    show("6 connections that announce a form and send nothing", rows)
    check(rows)


@pytest.mark.parametrize("one_address", [False, True], ids=["each its own address", "one address for all"])
def test_silent_and_slow_ones(site: Site, one_address: bool, minutes: float):
    rows = attack_and_count(site, site.port, CROWD, 60 * minutes, one_address=one_address)
    whose = "those of the visitors, too" if one_address else "each of its own address"
    show(f"500 silent, 200 slow-reading, 200 slow-sending connections, {whose}", rows)
    # Hundreds of new connections a second from one's own address can cost a page.
    check(rows, lost=0.01 if one_address else 0)


def test_silent_and_slow_ones_behind_nginx(new_site: Callable[..., Site], tmp_path: Path, minutes: float):
    site = new_site(CHORUS_ENV="production", CHORUS_HOSTS=HOST)
    site.start("web")
    (tmp_path / "nginx").mkdir()
    with behind_nginx(site, tmp_path / "nginx") as port:
        rows = attack_and_count(site, port, CROWD, 60 * minutes, host=HOST, tls=True)
    show("500 silent, 200 slow-reading, 200 slow-sending connections, behind nginx", rows)
    check(rows)


def test_requests_sent_ahead(site: Site):
    rows = attack_and_count(site, site.port, {ask_ahead: 100}, 15)
    show("100 connections with a thousand requests each, sent ahead of the answers", rows)
    check(rows)


@pytest.mark.parametrize("number", [1100, 2500])
def test_idle_ones(site: Site, number: int):
    rows = attack_and_count(site, site.port, {be_idle: number}, 20)
    show(f"{number} connections on which nothing comes", rows)
    check(rows)
