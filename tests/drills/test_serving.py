"""The chatbot is asked without a pause while versions come and go, its server dies, or too many ask."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.asking import Log, Release, ask, asking
from tests.serving import wait_for

from .site import Site, usage
from .tables import show
from .talking import SLUG, make_slow_talker, make_talkers, release, server_of, wait_until_served

REQUESTS, CLIENTS = 2000, 8
AT_ONCE = 50
GONE = 0.2
"""Seconds after which a killed server cannot be answering."""
LONG: dict[str, Any] = {"model": SLUG, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
_PLACES = "from training.models import QueuePlace; print(QueuePlace.objects.count())"


@pytest.fixture
def talking(new_site: Callable[..., Site]) -> Site:
    """A site whose web process answers, and which counts nobody's requests."""
    site = new_site(CHORUS_CHAT_RATE="0", CHORUS_SERVING_THREADS="1")
    site.start("web")
    return site


def test_three_releases_and_a_way_back_lose_no_request(talking: Site, tmp_path: Path) -> None:
    token, *_ = make_talkers(talking, tmp_path / "talkers")
    log, seconds = Log([], [Release("version-0", 0.0)]), []
    with asking(talking.url, token, SLUG, log, clients=CLIENTS):
        for part, (number, released) in enumerate(((1, 1), (2, 2), (3, 3), (2, None)), start=1):
            wait_for(lambda part=part: len(log.answers) >= part * REQUESTS / 5, 600)
            step = Release(f"version-{number}", time.monotonic())
            log.releases.append(step)
            release(talking, released)
            wait_until_served(talking, number)
            step.done = time.monotonic()
            seconds.append(step.done - step.began)
        wait_for(lambda: len(log.answers) >= REQUESTS, 600)
    took = sorted(answer.ended - answer.began for answer in log.answers)
    row = {
        "failed": len(log.failed),
        "by a third version": len(log.strange),
        "seconds of a switch": [round(each, 1) for each in seconds],
        "ms, 95 of 100": round(1000 * took[len(took) * 95 // 100]),
        "MiB of models": round(usage(talking.running["models"]).mib),
    }
    show(f"{len(log.answers)} requests by {CLIENTS} clients, three releases and a way back", [row])
    assert (log.failed, log.strange) == ([], [])
    assert all(len(texts) == 1 for texts in log.texts.values())
    assert len(set.union(*log.texts.values())) == 4


def test_a_server_that_is_killed_is_back_within_seconds(talking: Site, tmp_path: Path) -> None:
    token, *_ = make_talkers(talking, tmp_path / "talkers")
    log, away = Log([], [Release("version-0", 0.0)]), []
    with asking(talking.url, token, SLUG, log, clients=2):
        for _ in range(3):
            seen = len(log.answers)
            wait_for(lambda seen=seen: len(log.answers) > seen + 20)
            server_of(talking).kill()
            killed = time.monotonic()
            wait_for(lambda killed=killed: bool(answered_since(log, killed + GONE)))
            away.append(min(answered_since(log, killed + GONE)) - killed)
    statuses = Counter(answer.status for answer in log.answers)
    row = {"seconds until it answers": [round(each, 1) for each in away], "statuses": dict(statuses)}
    show("A server is killed three times", [row])
    assert max(away) < 10
    assert set(statuses) <= {200, 503, 0}  # 0: an answer that had begun breaks off


def answered_since(log: Log, began: float) -> list[float]:
    """When requests were answered that began after a moment."""
    return [answer.ended for answer in log.answers if answer.status == 200 and answer.began > began]


def test_fifty_at_once_are_answered_wait_or_are_told_to_come_again(talking: Site, tmp_path: Path) -> None:
    """And pages are quick meanwhile."""
    tokens = make_slow_talker(talking, tmp_path / "slow", people=AT_ONCE)[1:]
    barrier, pages = threading.Barrier(AT_ONCE + 1), []

    def one(token: str) -> tuple[int, str, bool]:
        headers = {"authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=talking.url, headers=headers, timeout=300) as client:
            barrier.wait()
            response = client.post("/v1/chat/completions", json={**LONG, "max_tokens": 16})
        return response.status_code, response.headers.get("retry-after", ""), ": place " in response.text

    with ThreadPoolExecutor(AT_ONCE) as threads:
        work = [threads.submit(one, token) for token in tokens]
        barrier.wait()
        with httpx2.Client(base_url=talking.url) as reader:
            while not all(each.done() for each in work):
                began = time.monotonic()
                assert reader.get("/account/login/").status_code == 200
                pages.append(time.monotonic() - began)
                time.sleep(0.1)
    answers = [each.result() for each in work]
    statuses = Counter(status for status, _, _ in answers)
    row = {
        "statuses": dict(statuses),
        "told their place": sum(told for _, _, told in answers),
        "told when to come again": sum(bool(after) for _, after, _ in answers),
        "ms of a page, 95 of 100": round(1000 * sorted(pages)[len(pages) * 95 // 100]),
    }
    show(f"{AT_ONCE} ask at once", [row])
    assert set(statuses) == {200, 429} and statuses[200] >= 16
    assert all(bool(after) == (status == 429) for status, after, _ in answers)
    assert sum(told for _, _, told in answers) >= 8


def test_clients_that_leave_in_mid_stream_free_their_places(talking: Site, tmp_path: Path) -> None:
    tokens = make_slow_talker(talking, tmp_path / "slow", people=8)[1:]
    for token in tokens:
        headers = {"authorization": f"Bearer {token}"}
        with (
            httpx2.Client(base_url=talking.url, headers=headers, timeout=60) as client,
            client.stream("POST", "/v1/chat/completions", json={**LONG, "max_tokens": 200}) as response,
            suppress(StopIteration),
        ):
            next(response.iter_lines())
    left = time.monotonic()
    wait_for(lambda: talking.python(_PLACES).strip() == "0", 30)
    server = server_of(talking)
    wait_for(lambda: server.cpu_percent(1.0) < 20, 30)
    rested = time.monotonic()
    with httpx2.Client(base_url=talking.url, headers={"authorization": f"Bearer {tokens[0]}"}) as client:
        assert ask(client, SLUG, max_tokens=1).status == 200
    show("8 clients leave in mid-stream", [{"seconds until the server rests": round(rested - left, 1)}])
