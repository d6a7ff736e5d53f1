"""Connections that keep the site waiting: nobody else waits with them."""

import socket
import time
from contextlib import ExitStack

from .site import Site, usage
from .tables import show
from .visitors import visitors

SILENT_POST = (
    b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n"
    b"Cookie: csrftoken=" + 32 * b"a" + b"\r\n\r\n"  # without it nobody would read the form
)


def test_silent_posts(site: Site):
    web = site.running["web"]
    with visitors(site.port) as alone:
        time.sleep(4)
    before = usage(web)
    with ExitStack() as stack, visitors(site.port) as beside:
        for n in range(6):
            silent = stack.enter_context(
                socket.create_connection(("127.0.0.1", site.port), source_address=(f"127.0.1.{n + 1}", 0))
            )
            silent.sendall(SILENT_POST)
        time.sleep(10)
    after = usage(web)
    show(
        "6 connections that announce a form and send nothing",
        [
            {"phase": "before", **alone.row(), "MiB": round(before.mib), "files": before.files},
            {"phase": "during", **beside.row(), "MiB": round(after.mib), "files": after.files},
        ],
    )
    assert beside.failed == 0
    assert beside.quantile(95) <= 0.5
