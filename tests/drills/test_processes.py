"""Web processes that are killed: the site goes on, or is gone whole."""

import time

import psutil
import pytest

from tests.serving import wait_for

from .site import Site
from .tables import show
from .visitors import visitors


@pytest.mark.parametrize("number", [1, 2])
def test_web_processes_killed_again_and_again(site: Site, number: int, minutes: float):
    web, killed = site.running["web"], 0
    until = time.monotonic() + 20 * minutes
    with visitors(site.port, people=2) as waits:
        while time.monotonic() < until:
            for process in web.children()[:number]:
                process.kill()
                killed += 1
            time.sleep(1)
    wait_for(lambda: len(web.children()) == 2, 5)
    with visitors(site.port) as calm:
        time.sleep(5)
    title = f"{number} of 2 web processes killed each second"
    show(title, [{"killed": killed, **waits.row()}, {"killed": 0, **calm.row()}])
    assert len(web.children()) == 2
    assert calm.failed == 0
    # What a process was answering when it was killed is lost, and no more.
    assert waits.failed <= killed


def test_the_first_process_killed_leaves_nobody_serving(site: Site):
    web = site.running["web"]
    children, began = web.children(), time.monotonic()
    web.kill()
    _, alive = psutil.wait_procs([web, *children], timeout=5)
    took = time.monotonic() - began
    site.start("web")
    show(
        "kill -9 of the web's first process",
        [
            {
                "children": len(children),
                "left": len(alive),
                "gone after s": round(took, 2),
                "starts again": "yes",
            }
        ],
    )
    assert not alive
