"""Talking to an OpenAI-style server: one answer, piece by piece."""

import http.client
import json
import select
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

Chunk = dict[str, Any]
CONNECT_SECONDS = 5
SILENCE_SECONDS = 300
"""The longest that a server may think about a prompt, or be silent between two tokens."""
LOOK_SECONDS = 1.0


class ServerDownError(Exception):
    """The server cannot be reached, or ended in the middle of an answer."""


class ServerRefusedError(Exception):
    """The server refuses a request, with a status and a reason."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", f"status {status}")))
        self.status, self.kind = status, str(error.get("type", ""))


def stream_answer(
    address: str, key: str, body: dict[str, Any], goes_on: Callable[[], bool] = lambda: True
) -> Generator[Chunk | None]:
    """The chunks of a chat completion; None now and then while there is none.

    Ends early, and lets the server stop, when `goes_on` says no, and when the caller closes the iterator.
    """
    request = {**body, "stream": True, "stream_options": {"include_usage": True}}
    with closing(_connect(address)) as connection:
        try:
            _send(connection, address, key, request)
            # Until the first token; what is read after that comes with a comment every second.
            for _ in range(int(SILENCE_SECONDS / LOOK_SECONDS)):
                if select.select([connection.sock], [], [], LOOK_SECONDS)[0]:
                    break
                if not goes_on():
                    return
                yield None
            response = connection.getresponse()
            if response.status != 200:
                raise ServerRefusedError(response.status, _error_in(response.read(10_000)))
            yield from _chunks(response, goes_on)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServerDownError(f"The server broke off: {error}") from error


def text_of(chunks: Iterable[Chunk | None]) -> str:
    """The text that an answer's chunks bring."""
    choices = (choice for chunk in chunks if chunk for choice in chunk["choices"])
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def is_healthy(address: str) -> bool:
    """Whether a server answers; it need not be idle for that."""
    with closing(_connect(address)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _connect(address: str) -> http.client.HTTPConnection:
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.netloc, timeout=CONNECT_SECONDS)


def _send(connection: http.client.HTTPConnection, address: str, key: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    path = f"{urlsplit(address).path.rstrip('/')}/v1/chat/completions"
    connection.request("POST", path, json.dumps(body), headers)
    connection.sock.settimeout(SILENCE_SECONDS)


def _chunks(response: http.client.HTTPResponse, goes_on: Callable[[], bool]) -> Iterator[Chunk | None]:
    while line := response.readline():
        if not goes_on():
            return
        if line.startswith(b":"):  # a comment, which says that the server is at work
            yield None
        elif not line.startswith(b"data:"):
            continue
        elif (data := line.removeprefix(b"data:").strip()) == b"[DONE]":
            return
        else:
            chunk = json.loads(data)
            if "error" in chunk:
                raise ServerRefusedError(500, _error_in(data))
            yield chunk
    raise ServerDownError("The server ended in the middle of an answer.")


def _error_in(content: bytes) -> dict[str, Any]:
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {"message": str(error)}
