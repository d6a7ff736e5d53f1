"""The server on its own, around an application that says what it was asked."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
from waitress import wasyncore

from config.server import connections, patience
from config.server.connections import Server

LONG_ANSWER = 20 * 1024**2


@dataclass(frozen=True)
class Served:
    """A server with one thread, and what its application was asked; it waits for an event put into `hold`."""

    server: Server
    port: int
    asked: list[str]
    hold: list[threading.Event]

    def connect(self, sent: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
        """A connection from one of this machine's addresses, on which this was sent."""
        connection = socket.create_connection(
            ("127.0.0.1", self.port), timeout=10, source_address=(address, 0)
        )
        connection.sendall(sent)
        return connection

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(connections, "LOOK_EVERY", 0.05)
    asked: list[str] = []
    hold: list[threading.Event] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {len(body)}")
        if hold:
            hold.pop().wait(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/long/":
            return (b"x" * 65536 for _ in range(LONG_ANSWER // 65536))
        return [b"yes"]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(application, listening.dup(), threads=1)
        server.adj.asyncore_loop_timeout = 0.05
        thread = threading.Thread(target=server.run)
        thread.start()
        yield Served(server, listening.getsockname()[1], asked, hold)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)
        thread.join()


@pytest.fixture
def impatient(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A server that waits for a quarter of a second, whatever for."""
    for name in ("HEAD", "BODY", "WRITE", "IDLE"):
        monkeypatch.setattr(patience, name, 0.25)
    return served


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes the connection within seconds; whatever comes before is read."""
    connection.settimeout(3)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True
