"""Simulated volunteers at a running site: real sessions that read, think and submit, through HTTP."""

import asyncio
import html
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

_TIMEOUT = 60.0
# A server closes connections that are idle for long; a request sent at that moment would be lost.
_KEEP_ALIVE = 1.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_KEY = re.compile(r'name="key" value="([^"]+)"')
_ACTION = re.compile(r'<form id="judgment-form" method="post" action="([^"]+)"')
_RANKS = re.compile(r'name="(rank_\d+)"')


@dataclass
class Timings:
    """Seconds of every page that was read and of every ranking that was submitted."""

    page: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Volunteer:
    """Someone who is signed in."""

    number: int
    cookies: Mapping[str, str]


def sign_in(site: str, links: list[str]) -> list[Volunteer]:
    """Use up each one-time link; its cookies are the session."""
    volunteers = []
    for number, link in enumerate(links):
        with httpx2.Client(base_url=site, timeout=_TIMEOUT, follow_redirects=True) as client:
            page = client.get(link).raise_for_status()
            token = _found(_TOKEN, page.text)
            # The site has the link's secret in the session.
            client.post(page.url, data={"csrfmiddlewaretoken": token}).raise_for_status()
            volunteers.append(Volunteer(number, dict(client.cookies)))
    return volunteers


def rank(
    site: str,
    desk: str,
    volunteers: list[Volunteer],
    *,
    think: float,
    warm_up: float,
    seconds: float,
    seed: int,
) -> Timings:
    """Let all of them rank at once for so long; `think` is the mean of a turn's seconds between two requests.

    What is asked for during the warm-up is not counted.
    """

    async def together() -> Timings:
        timings, began = Timings(), time.perf_counter()
        turns = (
            _turns(site, desk, each, think, began + warm_up, began + warm_up + seconds, seed, timings)
            for each in volunteers
        )
        await asyncio.gather(*turns)
        return timings

    return asyncio.run(together())


async def _turns(
    site: str,
    desk: str,
    volunteer: Volunteer,
    think: float,
    counted_from: float,
    end: float,
    seed: int,
    timings: Timings,
) -> None:
    chance = random.Random(f"{seed} {volunteer.number}")
    client = httpx2.AsyncClient(
        base_url=site,
        timeout=_TIMEOUT,
        cookies=dict(volunteer.cookies),
        limits=httpx2.Limits(keepalive_expiry=_KEEP_ALIVE),
    )
    async with client:
        await asyncio.sleep(think * chance.random())
        while (now := time.perf_counter()) < end:
            page = (await client.get(desk)).raise_for_status()
            if now >= counted_from:
                timings.page.append(time.perf_counter() - now)
            await asyncio.sleep(think * chance.uniform(0.5, 1.5))
            action, form = judgment_form(page.text, chance)
            now = time.perf_counter()
            # Asking for JSON, it is answered instead of sent back to the page, which is read next anyway.
            (await client.post(action, data=form, headers={"Accept": "application/json"})).raise_for_status()
            if now >= counted_from:
                timings.submit.append(time.perf_counter() - now)


def judgment_form(page: str, chance: random.Random) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and a ranking of its answers."""
    names = sorted(set(_RANKS.findall(page)))
    if not names:
        raise RuntimeError("There is nothing left to rank.")
    form = {"csrfmiddlewaretoken": _found(_TOKEN, page), "key": _found(_KEY, page)}
    return _found(_ACTION, page), form | {name: str(chance.randint(1, len(names))) for name in names}


def key_of(page: str) -> str:
    """The key of the comparison that the page shows."""
    return _found(_KEY, page)


def _found(pattern: re.Pattern[str], page: str) -> str:
    match = pattern.search(page)
    if match is None:
        raise RuntimeError(f"The page has no {pattern.pattern}.")
    return html.unescape(match[1])
