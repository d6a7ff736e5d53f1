"""Visitors who open a page again and again while a drill is on, and how long they wait."""

import http.client
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Waits:
    """Seconds of each page; one that did not come within `patience` counts as so long, and as failed."""

    patience: float
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def quantile(self, percent: int) -> float:
        return statistics.quantiles(self.seconds, n=100)[percent - 1] if len(self.seconds) > 1 else 0.0

    def row(self) -> dict[str, object]:
        """For a table."""
        return {
            "pages": len(self.seconds),
            "failed": self.failed,
            "p50 ms": round(1000 * self.quantile(50)),
            "p95 ms": round(1000 * self.quantile(95)),
            "max ms": round(1000 * max(self.seconds, default=0)),
        }


@contextmanager
def visitors(
    port: int,
    *,
    people: int = 4,
    pause: float = 0.25,
    patience: float = 10.0,
    path: str = "/account/login/",
    host: str = "127.0.0.1",
    tls: bool = False,
) -> Iterator[Waits]:
    """So many people open a page on a new connection each time, until the block ends."""
    waits, over = Waits(patience), threading.Event()

    def visit() -> None:
        while not over.wait(pause):
            began = time.monotonic()
            if opens(port, path, patience, host=host, tls=tls):
                waits.seconds.append(time.monotonic() - began)
            else:
                waits.seconds.append(patience)
                waits.failed += 1

    threads = [threading.Thread(target=visit) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        over.set()
        for thread in threads:
            thread.join()


def opens(port: int, path: str, patience: float, *, host: str = "127.0.0.1", tls: bool = False) -> bool:
    """Whether the page comes, whole and without an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.connect()
        if tls:
            context = ssl._create_unverified_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return answer.status < 400
