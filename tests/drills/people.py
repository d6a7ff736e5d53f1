"""People who rank through the API while a drill is on, and what the site told them is stored."""

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from .site import Site

SLUG = "drill"
_MAKE = """
import json
from annotator.services.tokens import create_api_token
from tests.factories import make_member, make_project
from tests.ranking.making import make_answers
from ranking.services import open_round

project = make_project({slug!r}, completions_per_comparison=4, judgments_per_comparison=3)
open_round(project=project, author=make_answers(project, prompts={prompts}), seed=1)
print(json.dumps([create_api_token(user=make_member(project)) for _ in range({people})]))
"""
_COUNT = """
import json
from ranking.models import Judgment
found = Judgment.objects.filter(comparison__round__project__slug={slug!r})
print(json.dumps(dict(stored=found.count(), keys=[str(key) for key in found.values_list("key", flat=True)])))
"""


@dataclass
class Answers:
    """Keys of the judgments that the site said are stored, seconds of each request, and other answers."""

    keys: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    interrupted: int = 0
    refused: list[str] = field(default_factory=list)


def make_people(site: Site, *, people: int, prompts: int) -> list[str]:
    """The API tokens of so many volunteers of a new project whose round has a comparison a prompt."""
    tokens: list[str] = json.loads(site.python(_MAKE.format(slug=SLUG, people=people, prompts=prompts)))
    return tokens


def stored_keys(site: Site, slug: str = SLUG) -> list[str]:
    """The keys of all judgments that the database holds."""
    found = json.loads(site.python(_COUNT.format(slug=slug)))
    assert found["stored"] == len(found["keys"])
    return list(found["keys"])


@contextmanager
def ranking(
    site: Site, tokens: Sequence[str], *, slug: str = SLUG, think: float = 0.0, patience: float = 60.0
) -> Iterator[Answers]:
    """All of them rank until the block ends; a request that was interrupted or met a 503 is sent again.

    `think` is the mean of the seconds that somebody takes for a comparison.
    """
    answers, over = Answers(), threading.Event()
    threads = [
        threading.Thread(target=_rank, args=(site, slug, token, think, patience, answers, over))
        for token in tokens
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _rank(
    site: Site, slug: str, token: str, think: float, patience: float, answers: Answers, over: threading.Event
) -> None:
    chance = random.Random(token)
    headers = {"Authorization": f"Token {token}"}
    with httpx2.Client(base_url=f"{site.url}/api/v1/projects/{slug}/", headers=headers, timeout=30) as client:

        def send(path: str, body: dict[str, object] | None = None) -> httpx2.Response | None:
            until = time.monotonic() + patience
            while not over.is_set() or time.monotonic() < until:
                began = time.monotonic()
                try:
                    answer = client.post(path, json=body)
                except httpx2.TransportError:
                    answer = None
                answers.seconds.append(time.monotonic() - began)
                if answer is not None and answer.status_code != 503:
                    return answer
                answers.interrupted += 1
                if time.monotonic() > until:
                    break
                time.sleep(0.2)
            return None

        while not over.is_set():
            answer = send("assignments/next/")
            if answer is None or answer.status_code != 200:
                if answer is not None and answer.status_code != 204:
                    answers.refused.append(f"next: {answer.status_code} {answer.text[:200]}")
                over.wait(1)
                continue
            taken = answer.json()
            if think and over.wait(think * chance.uniform(0.5, 1.5)):
                return
            ranks = [{"completion": one["id"], "rank": chance.randint(1, 2)} for one in taken["completions"]]
            answer = send(f"assignments/{taken['id']}/judgment/", {"key": taken["key"], "ranks": ranks})
            if answer is not None and answer.status_code == 201:
                answers.keys.add(taken["key"])
            elif answer is not None:
                answers.refused.append(f"judgment: {answer.status_code} {answer.text[:200]}")
