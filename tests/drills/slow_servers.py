"""Servers that others wait for: silent, slow, refusing, or working."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]


@dataclass
class Server:
    """Does with each connection what `talk` says at that moment."""

    talk: Talk
    port: int = 0
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(talk: Talk) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(talk, listening.getsockname()[1])
        listening.settimeout(0.2)

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                server.talk(connection)

        def accept() -> None:
            while not server.over.is_set():
                with suppress(TimeoutError):
                    connection, _ = listening.accept()
                    connection.settimeout(None)
                    server.connections += 1
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        yield server
        server.over.set()
        thread.join()


def silent(connection: socket.socket) -> None:
    """Takes what is sent and says nothing."""
    while connection.recv(1024):
        pass


def trickling(beginning: bytes) -> Talk:
    """Says something without an end, a byte each tenth of a second."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            connection.sendall(b"2")
            time.sleep(0.1)

    return talk


def refusing(connection: socket.socket) -> None:
    """A mail server that takes no mail just now."""
    connection.sendall(b"421 not now\r\n")


def taking(mailbox: list[str]) -> Talk:
    """A mail server that works: what it was sent goes into the mailbox."""

    def talk(connection: socket.socket) -> None:
        with connection.makefile("rwb", buffering=0) as lines:
            lines.write(b"220 here\r\n")
            while line := lines.readline():
                if line.upper().startswith(b"DATA"):
                    lines.write(b"354 go on\r\n")
                    message = b"".join(iter(lines.readline, b".\r\n"))
                    mailbox.append(message.decode())
                lines.write(b"250 done\r\n")

    return talk
