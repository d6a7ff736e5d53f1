"""Connections that end when they keep the server waiting, or when there are too many of them."""

import re
import resource
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from heapq import nsmallest
from typing import Any

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from config.server import patience
from config.server.patience import Patience
from config.server.request import Request

MOST = 1000
MOST_OF_ONE_ADDRESS = 200
"""Connections that are open at once, in a process."""
MOST_AHEAD = 10
"""Requests that a connection may send before the first one is answered: a packet holds a thousand."""
FILES_OF_ONE = 4
"""Files that a connection may need: itself, temporary ones for what comes and for what goes; one to spare."""

ACCEPTED_AT_ONCE = 16
"""Few enough for the processes to share them."""

LOOK_EVERY = 1.0
"""Seconds between two looks for connections that are overdue."""

MOST_LARGE = 100 * 1024**2
MOST_LARGE_OF_ONE_ADDRESS = 25 * 1024**2
"""Bytes that bodies may come to before another large one is refused: until they are answered they lie on the
disk."""

SEND_BUFFER = 64 * 1024
"""Small, so that what a slow reader takes is seen: the kernel asks for more when a third is free."""

WAITS_FOR_MODEL = re.compile(r"/(?:v1|talk)/|/p/[^/]+/chat/")
"""Where what is sent may wait for a model. It has threads of its own: were they for pages, too, writers of
SQLite would wait twice as long for one another."""
QUICK_CHATS = 4
"""Threads for what is sent there and does not wait: a thumb, and who is told that too many do."""

CLOSE_AT_ONCE = struct.pack("ii", 1, 0)


class TooManyAheadError(Exception):
    """More requests have come on a connection than it may send ahead."""


class Channel(HTTPChannel):
    """A connection, and until when the server waits for its peer."""

    request: Request | None
    will_close: bool

    def __init__(self, server: "Server", sock: socket.socket, addr: Any, adj: Adjustments, map: Any) -> None:  # noqa: A002
        self.patience = Patience(patience.IDLE)
        self.writing = Patience(patience.WRITE)
        self.lingering: Patience | None = None
        self.refused = False
        super().__init__(server, sock, addr, adj, map=map)
        server.addresses[addr[0]] += 1
        server.make_room(self)

    @property
    def left(self) -> float:
        """The part of the patience with the peer that is left; all of it while the site works for it."""
        if self.lingering:
            return self.lingering.left
        if self.total_outbufs_len:
            return self.writing.left
        if self.requests:
            return 1.0
        return (self.request or self).patience.left

    def drop(self) -> None:
        """Close, and let the kernel forget at once what the peer did not read."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
        super().handle_close()

    def received(self, data: bytes) -> bool:
        if self.lingering:
            return False
        try:
            done: bool = super().received(data)
        except TooManyAheadError:
            self.drop()
            return False
        return done

    def parser_class(self, adj: Adjustments) -> Request:
        if len(self.requests) >= MOST_AHEAD:
            raise TooManyAheadError
        return Request(adj, partial(self.server.has_room_for_large, self.addr[0]))

    def service(self) -> None:
        self.refused = bool(self.requests[0].error)
        super().service()

    def write_soon(self, data: Any) -> int:
        if not self.total_outbufs_len:
            self.writing = Patience(patience.WRITE)
        written: int = super().write_soon(data)
        return written

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self.patience = Patience(patience.IDLE)
        self.writing.earn(sent)
        return sent

    def del_channel(self, map: Any = None) -> None:  # noqa: A002
        if self._fileno in self.server.active_channels:
            counts, address = self.server.addresses, self.addr[0]
            counts[address] -= 1
            if not counts[address]:
                del counts[address]
        super().del_channel(map)

    def handle_expt(self) -> None:
        """Nobody who speaks HTTP sends urgent data; it would wake the loop until it is read."""
        self.drop()

    def handle_close(self) -> None:
        """Close; but a socket that is closed on unread input takes the answer away from who was refused."""
        if self.refused and self.will_close and not self.lingering:
            self.will_close, self.lingering = False, Patience(patience.LINGER)
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        else:
            super().handle_close()


class Server(TcpWSGIServer):
    """Serves a WSGI application at a socket that listens; `run` ends with SystemExit."""

    channel_class = Channel

    def __init__(self, application: Callable[..., Any], listening: socket.socket, threads: int) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = min(MOST, files // FILES_OF_ONE)
        self.next_look = 0.0
        self.newest: Channel | None = None
        self.addresses: Counter[str] = Counter()
        dispatcher, self.chats = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        self.chats.set_thread_count(settings.CHATS_AT_ONCE + QUICK_CHATS)
        address = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            head_without_body(application),
            map={},
            _sock=listening,
            dispatcher=dispatcher,
            adj=adjustments(),
            sockinfo=address,
            bind_socket=False,
        )

    def run(self) -> None:
        super().run()
        self.chats.shutdown()

    def add_task(self, task: Channel) -> None:
        """Let a thread answer a connection's next request."""
        head = vars(task.requests[0])
        waits = head.get("command") == "POST" and WAITS_FOR_MODEL.match(head.get("path", ""))
        (self.chats if waits else self.task_dispatcher).add_task(task)

    def set_socket_options(self, conn: socket.socket) -> None:
        super().set_socket_options(conn)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def readable(self) -> bool:
        """The loop asks each time before it waits; now and then overdue connections end here."""
        now = time.monotonic()
        if now >= self.next_look:
            self.next_look = now + LOOK_EVERY
            for channel in list(self.active_channels.values()):
                if channel.left < 0:
                    channel.drop()
        return bool(self.accepting)

    def handle_accept(self) -> None:
        """Let in some at once: a turn of the loop costs what all connections cost."""
        for _ in range(ACCEPTED_AT_ONCE):
            last = self.newest
            super().handle_accept()
            if self.newest is last:
                break

    def make_room(self, newest: Channel) -> None:
        """Where there are too many, in all or of the newest one's address, close what has least time left.

        That is neither a new connection nor a body that comes steadily: they have all of it.
        """
        self.newest = newest
        channels, address = self.active_channels, newest.addr[0]
        if len(channels) > self.most:
            drop_some(channels.values(), self.most)
        # A proxy is one address for everybody, and counts itself.
        if not settings.PROXIES and self.addresses[address] > MOST_OF_ONE_ADDRESS:
            drop_some((each for each in channels.values() if each.addr[0] == address), MOST_OF_ONE_ADDRESS)

    def has_room_for_large(self, address: str) -> bool:
        """Whether a large body from this address, just begun, may come beside what is not answered yet."""
        lengths: Counter[str] = Counter()
        for channel in self.active_channels.values():
            for request in (channel.request, *channel.requests):
                if request and not request.error:
                    lengths[channel.addr[0]] += request.content_length
        if not settings.PROXIES and lengths[address] > MOST_LARGE_OF_ONE_ADDRESS:
            return False
        return lengths.total() <= MOST_LARGE


def drop_some(channels: Iterable[Channel], most: int) -> None:
    """Close a twentieth of so many, because to find one takes as long."""
    for each in nsmallest(1 + most // 20, channels, key=lambda each: each.left):
        each.drop()


def adjustments() -> Adjustments:
    """waitress's settings; what it bounds in its own way is left open where this module does it."""
    forwarded = {
        "trusted_proxy": "*",  # only the proxy reaches the server, as operating.md has it
        "trusted_proxy_count": settings.PROXIES,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }
    return Adjustments(
        **(forwarded if settings.PROXIES else {}),
        ident=None,
        channel_request_lookahead=1,  # who has gone is noticed, and not worked for
        asyncore_use_poll=True,  # select() knows no file above 1023
        # A response that is not read goes to a temporary file, for however long: no thread waits for it.
        outbuf_high_watermark=2**62,
        outbuf_overflow=256 * 1024,
        inbuf_overflow=64 * 1024,
        max_request_header_size=32 * 1024,
        max_request_body_size=2**62,
        recv_bytes=64 * 1024,
        log_socket_errors=False,
    )


def head_without_body(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application without the bodies that Django makes for HEAD and leaves to the server to drop."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if close := getattr(body, "close", None):
            close()
        return []

    return answer
