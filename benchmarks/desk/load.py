"""Many volunteers at the ranking desk at once, by plain HTTP/1.1 over one connection each.

A client library would cost more of the processors than the server under test does, on which it runs.
"""

import asyncio
import gzip
import json
import random
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from benchmarks.volunteers import Volunteer, judgment_form, key_of

_TIMEOUT = 60.0


@dataclass
class Load:
    """What came of a phase: seconds of each call, what went wrong, and who was shown which assignment."""

    next: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    shown: dict[str, set[int]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def judgments(self) -> int:
        return len(self.submit)


@dataclass(frozen=True)
class Site:
    """Where the server listens, and what the proxy that stands in front of it would add."""

    port: int
    host: str

    def head(self, verb: str, path: str, cookies: Mapping[str, str], extra: Mapping[str, str]) -> bytes:
        fields = {
            "Host": self.host,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.7",
            "Origin": f"https://{self.host}",
            "Accept-Language": "en",
            "Accept-Encoding": "gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            **extra,
        }
        lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class _Browser:
    """One volunteer's connection and cookies."""

    def __init__(self, site: Site, volunteer: Volunteer):
        self.site, self.cookies = site, dict(volunteer.cookies)
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, verb: str, path: str, form: Mapping[str, str] | None = None, script: bool = False
    ) -> str:
        """The body of the answer; raises RuntimeError for an error's status."""
        body = urlencode(form or {}).encode()
        extra = {"Accept": "application/json"} if script else {}
        if verb == "POST":
            extra |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Length": str(len(body)),
            }
        sent = self.site.head(verb, path, self.cookies, extra) + body
        try:
            async with asyncio.timeout(_TIMEOUT):
                try:
                    status, answer = await self._exchange(sent)
                except (ConnectionError, asyncio.IncompleteReadError):
                    # The server closed the connection while nobody was using it, as it may.
                    self.close()
                    status, answer = await self._exchange(sent)
        except BaseException:
            self.close()  # An answer that comes after all would be taken for the next one's.
            raise
        if status >= 400:
            raise RuntimeError(f"{verb} {path}: {status}")
        return answer

    def close(self) -> None:
        if self.streams:
            self.streams[1].close()
        self.streams = None

    async def _exchange(self, sent: bytes) -> tuple[int, str]:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.site.port)
        reader, writer = self.streams
        writer.write(sent)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        length, closing, compressed = 0, False, False
        for name, _, value in (line.partition(": ") for line in lines):
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
            elif name.lower() == "content-encoding":
                compressed = value == "gzip"
            elif name.lower() == "connection":
                closing = value.lower() == "close"
        body = await reader.readexactly(length)
        if closing:
            self.close()
        return int(first.split()[1]), (gzip.decompress(body) if compressed else body).decode()


def rank(
    site: Site,
    desk: str,
    volunteers: list[Volunteer],
    *,
    judgments: int,
    think: float = 0.0,
    script: bool = False,
    seed: int = 0,
) -> Load:
    """Let all of them rank at once until so many judgments are sent.

    `think` is the mean of a turn's seconds between seeing a comparison and sending its ranking. Without
    scripts, a turn is two calls: the page with the next comparison, and the form, which redirects to it.
    With `script` it is one, as the page's script sends it: the form, answered by the comparison to hold ahead
    in the place of the one that was ranked; before the first turn come the page and two comparisons ahead.
    """

    async def together() -> Load:
        load, left, began = Load(), iter(range(judgments)), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for each in volunteers:
                group.create_task(_turns(site, desk, each, left, think, script, seed, load))
        load.seconds = time.perf_counter() - began
        return load

    return asyncio.run(together())


async def _turns(
    site: Site,
    desk: str,
    volunteer: Volunteer,
    left: Iterator[int],
    think: float,
    script: bool,
    seed: int,
    load: Load,
) -> None:
    chance = random.Random(f"{seed} {volunteer.number}")
    browser = _Browser(site, volunteer)

    async def timed(kept: list[float], asked: Coroutine[None, None, str]) -> str:
        began = time.perf_counter()
        try:
            page = await asked
        except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
            load.errors.append(repr(error))
            return ""
        kept.append(time.perf_counter() - began)
        return page

    await asyncio.sleep(think * chance.random())
    at_hand: list[str] = []
    for _ in left:
        if not at_hand:
            page = await timed(load.next, browser.call("GET", desk))
            at_hand = [page] if page else []
        if script and len(at_hand) == 1:
            answer = await timed(
                load.next, browser.call("GET", f"{desk}ahead/?have={_keys(at_hand)}", script=True)
            )
            at_hand += _ahead(answer)
        if at_hand:
            action, form = judgment_form(at_hand.pop(0), chance)
            load.shown.setdefault(action, set()).add(volunteer.number)
            await asyncio.sleep(think * chance.uniform(0.5, 1.5))
            extra = {"have": _keys(at_hand)} if script else {}
            answer = await timed(load.submit, browser.call("POST", action, form | extra, script=script))
            at_hand += _ahead(answer) if script else []
    browser.close()


def _keys(pages: list[str]) -> str:
    return ",".join(key_of(page) for page in pages)


def _ahead(answer: str) -> list[str]:
    return [each["html"] for each in json.loads(answer or "{}").get("ahead", [])]
