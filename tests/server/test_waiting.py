"""Whoever keeps the server waiting holds up nobody else, and not for long."""

import socket
import threading
import time

import pytest

from config.server import connections, patience
from tests.serving import wait_for

from .conftest import LONG_ANSWER, Served, is_closed

HEAD = b"POST /form/ HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"


@pytest.mark.parametrize(
    "sent", [b"", b"POST /form/ HTTP/1.1\r\nHo", HEAD, HEAD + b"a=1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]
)
def test_a_connection_on_which_nothing_comes_is_closed(impatient: Served, sent: bytes):
    with impatient.connect(sent) as connection:
        assert is_closed(connection)


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: ", HEAD])
def test_a_byte_now_and_then_keeps_no_connection_open(impatient: Served, head: bytes):
    def send_slowly(connection: socket.socket) -> None:
        for _ in range(60):
            connection.sendall(b"a")
            time.sleep(0.05)

    with impatient.connect(head) as connection, pytest.raises(ConnectionError):
        send_slowly(connection)


def test_a_body_that_comes_steadily_may_take_long(impatient: Served):
    with impatient.connect(HEAD) as connection:
        for _ in range(20):
            connection.sendall(1000 * b"a")
            time.sleep(0.05)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_an_answer_that_nobody_reads_holds_no_thread(served: Served):
    with served.connect(b"GET /long/ HTTP/1.1\r\nHost: a\r\n\r\n"):
        wait_for(lambda: served.asked == ["GET /long/ 0"], 5)
        assert served.ask("GET", "/page/") == (200, b"yes")


def test_an_answer_that_nobody_reads_ends(impatient: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "IDLE", 60)
    with impatient.connect(b"GET /long/ HTTP/1.1\r\nHost: a\r\n\r\n"):
        wait_for(lambda: impatient.asked == ["GET /long/ 0"], 5)
        wait_for(lambda: not impatient.server.active_channels, 5)
    assert not impatient.server.addresses


def test_who_has_gone_is_not_worked_for(served: Served):
    busy = threading.Event()
    served.hold.append(busy)
    with served.connect(b"GET /first/ HTTP/1.1\r\nHost: a\r\n\r\n"):
        wait_for(lambda: served.asked == ["GET /first/ 0"], 5)
        with served.connect(b"GET /gone/ HTTP/1.1\r\nHost: a\r\n\r\n"):
            wait_for(lambda: len(served.server.active_channels) == 2, 5)
        wait_for(lambda: len(served.server.active_channels) == 1, 5)
        busy.set()
        assert served.ask("GET", "/last/") == (200, b"yes")
    assert served.asked == ["GET /first/ 0", "GET /last/ 0"]


def test_some_requests_may_be_sent_before_the_first_is_answered(served: Served):
    asked = [f"GET /{number}/ 0" for number in range(connections.MOST_AHEAD)]
    with served.connect(b"".join(f"{each[:-2]} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for each in asked)):
        wait_for(lambda: served.asked == asked, 5)


def test_who_sends_requests_without_end_is_neither_read_nor_worked_for(served: Served):
    busy = threading.Event()
    served.hold.append(busy)
    with served.connect(1000 * b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") as connection:
        assert is_closed(connection)
    busy.set()
    assert served.ask("GET", "/last/") == (200, b"yes")
    assert served.asked in (["GET / 0", "GET /last/ 0"], ["GET /last/ 0"])


def test_an_answer_that_is_read_slowly_comes_whole(served: Served):
    with served.connect(b"GET /long/ HTTP/1.0\r\n\r\n") as connection:
        received = 0
        while data := connection.recv(1024**2):
            received += len(data)
            time.sleep(0.002)
        assert received > LONG_ANSWER


def test_whoever_is_silent_keeps_nobody_waiting(served: Served):
    silent = [served.connect(HEAD, f"127.0.0.{n}") for n in range(1, 50)]
    assert served.ask("GET", "/page/") == (200, b"yes")
    for connection in silent:
        connection.close()


def open_many(served: Served, number: int, address: str) -> list[socket.socket]:
    opened = []
    for _ in range(number):
        opened.append(served.connect(address=address))
        time.sleep(0.005)  # let it be accepted, so that the order is known
    return opened


def test_an_address_that_opens_too_many_loses_the_one_that_keeps_us_waiting(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "MOST_OF_ONE_ADDRESS", 3)
    [other] = open_many(served, 1, "127.0.0.9")
    silent = served.connect(HEAD, "127.0.0.8")
    time.sleep(0.1)
    opened = open_many(served, 3, "127.0.0.8")
    assert is_closed(silent)
    for kept in (other, *opened):
        kept.setblocking(False)
        with pytest.raises(BlockingIOError):
            kept.recv(1)
        kept.close()


def test_too_many_connections_in_all_lose_the_oldest_idle_ones(served: Served):
    served.server.most = 5
    opened = [connection for n in range(1, 10) for connection in open_many(served, 1, f"127.0.0.{n}")]
    assert served.ask("GET", "/page/") == (200, b"yes")
    assert len(served.server.active_channels) <= 5
    assert all(is_closed(connection) for connection in opened[:4])
    for connection in opened:
        connection.close()


def test_both_bounds_can_be_passed_at_once(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_OF_ONE_ADDRESS", 3)
    opened = open_many(served, 3, "127.0.0.8")
    served.server.most = 2
    opened += open_many(served, 3, "127.0.0.8")
    assert served.ask("GET", "/page/") == (200, b"yes")
    for connection in opened:
        connection.close()


def test_urgent_data_ends_the_connection(served: Served):
    with served.connect() as connection:
        connection.send(b"!", socket.MSG_OOB)
        assert is_closed(connection)


def test_behind_a_proxy_its_address_is_not_bounded(served: Served, monkeypatch: pytest.MonkeyPatch, settings):
    settings.PROXIES = 1
    monkeypatch.setattr(connections, "MOST_OF_ONE_ADDRESS", 3)
    opened = open_many(served, 8, "127.0.0.1")
    wait_for(lambda: len(served.server.active_channels) == 8, 5)
    for connection in opened:
        connection.close()
