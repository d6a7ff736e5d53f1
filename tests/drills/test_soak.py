"""Hours of use: people rank the demonstration while updates train, are released and sampled from."""

import json
import time
from collections.abc import Callable

import httpx2
import pytest

from .people import Answers, ranking, stored_keys
from .site import Site, usage
from .tables import show

PEOPLE = 32
SLUG = "climate-tutor"
_MAKE = f"""
import json
from annotator.models import Project
from annotator.services.tokens import create_api_token
from tests.factories import coordinator_of, make_member
project = Project.objects.get(slug={SLUG!r})
tokens = [create_api_token(user=make_member(project)) for _ in range({PEOPLE})]
print(json.dumps([create_api_token(user=coordinator_of(project)), tokens]))
"""
PROCESSES = ("web", "worker", "mail", "clock")
LOOK_EVERY = 15.0
LONG = 10
"""Minutes from which on there is something to see."""


def test_memory_and_files_stay_flat(new_site: Callable[..., Site], minutes: float):
    if minutes < LONG:
        pytest.skip(f"takes MINUTES={LONG} or more")
    site = new_site()
    site.manage("prepare_demo", "--model", "starter")
    coordinator, people = json.loads(site.python(_MAKE))
    for name in PROCESSES:
        site.start(name)
    began, rows, events = time.monotonic(), [], []
    with ranking(site, people, slug=SLUG, think=20) as answers:
        while (passed := time.monotonic() - began) < 60 * minutes:
            events += _go_on(site, coordinator)
            rows.append(_look(site, passed, answers, events))
            time.sleep(LOOK_EVERY)
    show(
        f"{PEOPLE} people and updates for {minutes:.0f} minutes: {', '.join(events)}",
        rows[:: len(rows) // 12 or 1],
    )
    stored = stored_keys(site, SLUG)
    print(f"{len(answers.keys)} judgments acknowledged, {len(stored)} stored")
    print("refused:", *sorted(set(answers.refused)))
    assert answers.keys <= set(stored) and len(stored) == len(set(stored))
    assert answers.interrupted == 0
    early, late = _mean(rows[len(rows) // 4 : len(rows) // 2]), _mean(rows[-len(rows) // 4 :])
    for name in PROCESSES:
        # The worker's includes an engine while one runs.
        if name != "worker":
            assert late[f"{name} MiB"] <= 1.1 * early[f"{name} MiB"] + 10, (name, early, late)
            assert late[f"{name} files"] <= early[f"{name} files"] + 8, (name, early, late)


def _go_on(site: Site, coordinator: str) -> list[str]:
    """Start an update where none runs, release what waits, and sample when a round is used up."""
    headers = {"Authorization": f"Token {coordinator}"}
    with httpx2.Client(base_url=f"{site.url}/api/v1/projects/{SLUG}/", headers=headers, timeout=30) as client:
        newest = next(iter(client.get("updates/?page_size=1").json()["results"]), None)
        if newest and newest["state"] == "succeeded" and newest["candidate"] is not None:
            version = f"versions/{newest['candidate']}/"
            shown = client.get(version).headers["ETag"]
            released = client.post(f"{version}release/", headers={"If-Match": shown})
            if released.is_success:
                return [f"version {newest['candidate']} live"]
        if not newest or newest["state"] in {"succeeded", "failed", "cancelled"}:
            started = client.post("updates/", json={"settings": {"ppo": {"steps": 10}}})
            if started.status_code == 201:
                return ["update"]
    return []


def _look(site: Site, passed: float, answers: Answers, events: list[str]) -> dict[str, object]:
    row: dict[str, object] = {"minute": round(passed / 60, 1), "judgments": len(answers.keys)}
    last = sorted(answers.seconds[-400:])
    row["p95 ms"] = round(1000 * last[int(0.95 * (len(last) - 1))]) if last else 0
    for name in PROCESSES:
        used = usage(site.running[name])
        row |= {f"{name} MiB": round(used.mib), f"{name} files": used.files}
    return row | {"events": len(events)}


def _mean(rows: list[dict[str, object]]) -> dict[str, float]:
    return {
        name: sum(float(str(row[name])) for row in rows) / len(rows) for name in rows[0] if name != "events"
    }
