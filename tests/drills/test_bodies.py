"""Bodies made to cost much: what each takes of the web processes' time and memory, and its answer."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import psutil
import pytest

from .bodies import FORMS, PROGRAMS, UPLOADS, Body
from .site import Site
from .tables import show

MOST_SECONDS, MOST_MIB = 2.0, 300
"""Of processor time, and of memory beyond what the process holds anyway, for one body."""
MAKE = """
import json
from django.conf import settings
from django.test import Client
from annotator.services.tokens import create_api_token
from tests.factories import coordinator_of
from tests.training.making import make_judged

project = make_judged()
person, browser = coordinator_of(project), Client()
browser.force_login(person)
name = settings.SESSION_COOKIE_NAME
print(json.dumps([project.slug, create_api_token(user=person), name, browser.cookies[name].value]))
"""
PAGES = {
    "import": "/p/{}/prompts/import/",
    "practice": "/p/{}/settings/practice/import/",
    "settings": "/p/{}/settings/",
    **{name: f"/p/{{}}/settings/{name}/" for name in ("guidelines", "ranking", "publishing", "advanced")},
    "prompts": "/api/v1/projects/{}/prompts/",
    "withdraw": "/api/v1/projects/{}/prompts/withdraw/",
    "judge": "/api/v1/projects/{}/assignments/1/judgment/",
    "updates": "/api/v1/projects/{}/updates/",
}


@dataclass(frozen=True)
class Coordinator:
    """Somebody's program and browser, and their project."""

    program: httpx2.Client
    browser: httpx2.Client
    slug: str

    def send(self, body: Body, content: bytes) -> httpx2.Response:
        path = PAGES[body.to].format(self.slug)
        client = self.program if path.startswith("/api/") else self.browser
        return client.post(path, content=content, headers={"Content-Type": body.kind})


@pytest.fixture
def coordinator(site: Site) -> Iterator[Coordinator]:
    slug, token, name, session = json.loads(site.python(MAKE))
    with (
        httpx2.Client(base_url=site.url, headers={"Authorization": f"Token {token}"}, timeout=300) as program,
        httpx2.Client(base_url=site.url, cookies={name: session}, timeout=300) as browser,
    ):
        form = re.search(r'csrfmiddlewaretoken" value="(\w+)', browser.get(f"/p/{slug}/settings/").text)
        assert form
        browser.headers["X-CSRFToken"] = form[1]
        yield Coordinator(program, browser, slug)


def memory(process: psutil.Process, name: str) -> float:
    """VmRSS, or VmHWM, which is the most since it was cleared, in MiB."""
    with open(f"/proc/{process.pid}/status") as status:
        found = re.search(rf"{name}:\s+(\d+) kB", status.read())
    assert found
    return int(found[1]) / 1024


def cost_of(act: Callable[[], httpx2.Response], serving: list[psutil.Process]) -> dict[str, float]:
    """Seconds of processor time of all, seconds of waiting, and MiB of the process that took most."""
    before = {}
    for process in serving:
        with open(f"/proc/{process.pid}/clear_refs", "w") as refs:
            refs.write("5")
        before[process] = sum(process.cpu_times()[:2]), memory(process, "VmRSS")
    began = time.monotonic()
    act()
    waited = time.monotonic() - began
    return {
        "CPU s": round(sum(sum(each.cpu_times()[:2]) - cpu for each, (cpu, _mib) in before.items()), 2),
        "s": round(waited, 2),
        "MiB": round(max(memory(each, "VmHWM") - mib for each, (_cpu, mib) in before.items())),
    }


@pytest.mark.parametrize("bodies", [PROGRAMS, UPLOADS, FORMS], ids=["programs", "files", "forms"])
def test_no_body_costs_much(site: Site, coordinator: Coordinator, bodies: list[Body]):
    web = site.running["web"]
    serving = web.children(recursive=True) or [web]
    rows: list[dict[str, object]] = []
    answers: list[httpx2.Response] = []
    dear = []
    for body in bodies:
        content = body.make()
        cost = cost_of(lambda: answers.append(coordinator.send(body, content)), serving)  # noqa: B023
        answer = answers.pop()
        rows.append(
            {
                "body": body.name,
                "KiB": len(content) // 1024,
                **cost,
                "answer": answer.status_code,
                "KiB of answer": len(answer.content) // 1024,
            }
        )
        if cost["CPU s"] > MOST_SECONDS or cost["MiB"] > MOST_MIB or answer.status_code >= 500:
            dear.append(rows[-1])
    show("What one body costs", rows)
    assert dear == []
    assert set(serving) == set(web.children(recursive=True) or [web]), "a process that served has died"
