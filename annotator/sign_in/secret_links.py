"""Secrets in addresses: the converter that declares one, and what the log says in its place.

An address that lets its reader in, or acts for somebody, takes its secret as `<secret:name>`. From that alone
the log knows what to leave out, so a new link cannot forget.
"""

import json
import re
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import StringConverter

HIDDEN = "[secret]"
PARAMETER = re.compile(r"<(?:(?P<converter>[^>:]+):)?[^>]+>")
SECRET_FIELDS = re.compile("token|password")
"""Fields of forms that are secret."""
HEADER = re.compile(r"\b(Token|Bearer) +\S{20,}", re.IGNORECASE)
SHORTEST = 8
"""Shorter ones are no secrets; in their place half of the line would be hidden."""


class SecretConverter(StringConverter):
    """A part of an address that is not written to the log."""


class Base36Converter(StringConverter):
    """Whose secret it is, in links to a new password."""

    regex = "[0-9A-Za-z]+"


def hide_secrets(text: str, request: HttpRequest | None = None) -> str:
    """The text of a log line without its secrets, also those that the request it is about brought along."""
    for secret in _brought_by(request) if request else ():
        if len(secret) >= SHORTEST:
            for written in _written(secret):
                text = text.replace(written, HIDDEN)
    text = HEADER.sub(rf"\1 {HIDDEN}", text)
    return _secret_places().sub(rf"\1{HIDDEN}", text) if apps.ready else text


def secret_routes() -> Iterator[str]:
    """The routes of all addresses with a secret."""

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            elif "<secret:" in route:
                yield route

    return walk(get_resolver().url_patterns, "/")


@cache
def _secret_places() -> re.Pattern[str]:
    places = "|".join(map(_before_the_secret, secret_routes()))
    return re.compile(rf"({places})[^/?#&\s'\"<>]+", re.IGNORECASE)


def _before_the_secret(route: str) -> str:
    """What matches an address up to its secret, also where it is part of another address."""
    made, start = "", 0
    for parameter in PARAMETER.finditer(route):
        made += re.escape(route[start : parameter.start()])
        if parameter["converter"] == "secret":
            return made.replace("/", "(?:/|%2F)+")
        made += "[^/-]+"
        start = parameter.end()
    raise ValueError(f"{route} has no secret.")


def _written(secret: str) -> set[str]:
    """The secret as a line may have it: as it is or as Python shows it, and either of these in JSON."""
    plain = {secret, repr(secret)[1:-1]}
    return plain | {json.dumps(each, ensure_ascii=False)[1:-1] for each in plain}


def _brought_by(request: HttpRequest) -> Iterator[str]:
    """The secrets of the request's address and form, wherever an error repeats them."""
    if match := request.resolver_match:
        yield from (value for name, value in match.kwargs.items() if f"<secret:{name}>" in match.route)
    # A form that nobody has read is not read for the log either.
    if form := getattr(request, "_post", None):
        for name, values in form.lists():
            if SECRET_FIELDS.search(name):
                yield from values
