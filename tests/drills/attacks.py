"""Peers that keep a site waiting, many at once, each on a connection that it opens anew when it is closed."""

import asyncio
import resource
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from tests.serving import wait_for

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]

LARGE_PAGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
PAUSE = 2.0
SMALL_BUFFER = 4096


async def be_idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    """Send nothing."""
    await reader.read()


async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    """Announce a form for the sign-in page, and send nothing of it."""
    writer.write(post_head(host))
    await reader.read()


async def send_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    """Send a form a byte at a time."""
    writer.write(post_head(host))
    while not reader.at_eof():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(PAUSE)


async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    """Ask for a large file, and read a byte at a time of what the kernel holds already."""
    writer.write(f"GET {LARGE_PAGE} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    while await reader.read(1):
        await asyncio.sleep(PAUSE)


async def ask_ahead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    """Send a thousand requests at once, and read nothing."""
    writer.write(1000 * f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await asyncio.sleep(PAUSE)


def post_head(host: str) -> bytes:
    lines = ["POST /account/login/ HTTP/1.1", f"Host: {host}", "Content-Length: 1000"]
    lines += ["Content-Type: application/x-www-form-urlencoded"]
    lines += ["Cookie: csrftoken=" + 32 * "a"]  # without it nobody would read the form
    return "\r\n".join((*lines, "", "")).encode()


@contextmanager
def attack(
    port: int,
    numbers: dict[Attack, int],
    *,
    host: str = "127.0.0.1",
    tls: bool = False,
    one_address: bool = False,
) -> Iterator[Counter[str]]:
    """So many of each, from when all have come to the end of the block; counts what came of them.

    Each has an address of its own among this machine's, or all have that of everybody else.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts: Counter[str] = Counter()
    loop = asyncio.new_event_loop()

    async def go_on(how: Attack, address: str) -> None:
        while True:
            try:
                reader, writer = await connect(port, address, host if tls else None)
            except OSError:
                counts["not let in"] += 1
            else:
                counts["opened"] += 1
                try:
                    with suppress(OSError):
                        await how(reader, writer, host)
                    counts["closed on them"] += 1
                finally:
                    writer.close()
            await asyncio.sleep(0.5)

    async def all_of_them() -> None:
        kinds = [how for how, number in numbers.items() for _ in range(number)]
        addresses = [
            "127.0.0.1" if one_address else f"127.1.{n // 250}.{n % 250 + 1}" for n in range(len(kinds))
        ]
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*(go_on(*each) for each in zip(kinds, addresses, strict=True)))

    task = loop.create_task(all_of_them())
    thread = threading.Thread(target=loop.run_until_complete, args=(task,))
    thread.start()
    try:
        # To connect so many takes the drill itself much of the processors.
        wait_for(lambda: counts["opened"] + counts["not let in"] >= sum(numbers.values()), 30)
        yield counts
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def connect(
    port: int, address: str, tls_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    connection.bind((address, 0))
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        context = ssl._create_unverified_context() if tls_name else None
        return await asyncio.open_connection(
            sock=connection, ssl=context, server_hostname=tls_name, limit=SMALL_BUFFER
        )
    except BaseException:
        connection.close()
        raise
