"""Programs that ask a chatbot without a pause, and what answered them."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

QUESTION = "Is rain good?"


@dataclass(frozen=True)
class Answer:
    """What came of one request, and when."""

    began: float
    ended: float
    status: int
    version: str = ""
    text: str = ""


@dataclass
class Release:
    """When a version was released, and when it had taken over."""

    version: str
    began: float
    done: float = float("inf")


@dataclass
class Log:
    """All answers, and all releases, the version that answered at first among them."""

    answers: list[Answer] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    @property
    def strange(self) -> list[Answer]:
        """Answers of a version that was neither the old one nor the new one while they were made."""
        return [answer for answer in self.answers if answer.version not in self._known_to(answer)]

    @property
    def texts(self) -> dict[str, set[str]]:
        """What each version said; a greedy one always says the same."""
        found: dict[str, set[str]] = defaultdict(set)
        for answer in self.answers:
            found[answer.version].add(answer.text)
        return found

    def _known_to(self, answer: Answer) -> set[str]:
        ends = [release.done for release in self.releases[1:]] + [float("inf")]
        return {
            release.version
            for release, end in zip(self.releases, ends, strict=True)
            if release.began <= answer.ended and end >= answer.began
        }


@contextmanager
def asking(url: str, token: str, model: str, log: Log, *, clients: int) -> Iterator[None]:
    """Let so many clients ask until the block ends, by turns for a stream and for a whole answer."""
    stop = threading.Event()
    with ThreadPoolExecutor(clients) as threads:
        work = [threads.submit(_ask_on, url, token, model, log, stop) for _ in range(clients)]
        try:
            yield
        finally:
            stop.set()
    _raise_any(work)


def _ask_on(url: str, token: str, model: str, log: Log, stop: threading.Event) -> None:
    with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        while not stop.is_set():
            log.answers.append(ask(client, model, stream=len(log.answers) % 2 == 0))


def ask(client: httpx2.Client, model: str, *, stream: bool = False, **more: Any) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    began = time.monotonic()
    try:
        response = client.post("/v1/chat/completions", json={**body, "stream": stream, **more})
    except httpx2.HTTPError:
        return Answer(began, time.monotonic(), 0)
    ended = time.monotonic()
    if response.status_code != 200:
        return Answer(began, ended, response.status_code)
    return Answer(began, ended, *(_read_stream(response.text) if stream else _read(response.json())))


def _read(answer: dict[str, Any]) -> tuple[int, str, str]:
    return 200, answer["system_fingerprint"], answer["choices"][0]["message"]["content"]


def _read_stream(text: str) -> tuple[int, str, str]:
    """A stream that does not end as it should, failed."""
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    if not events or events[-1] != "[DONE]":
        return 0, "", text
    chunks = [json.loads(event) for event in events[:-1]]
    pieces = [choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]]
    return 200, chunks[0]["system_fingerprint"], "".join(pieces)


def _raise_any(work: Sequence[Future[None]]) -> None:
    for each in work:
        each.result()
