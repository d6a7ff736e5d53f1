"""Several processes serve at one socket, and not one of them is missed for long."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.serving import ROOT, free_port, wait_for

# Each connection is answered with the number of the process; then the process takes its time if asked to, or
# finishes its answer when it is to stop.
SERVER = """
import os, signal, socket, sys, time
from config.server import processes

# Whatever runs in the background of a script inherits that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def serve():
    while True:
        connection, _ = listening.accept()
        with connection:
            wish = connection.recv(10)
            try:
                connection.sendall(str(os.getpid()).encode())
                if wish == b"finish":
                    time.sleep(60)
            except SystemExit:
                if wish == b"finish":
                    connection.sendall(b"stopping")
                    connection.recv(10)
                    connection.sendall(b"finished")
                raise
        while wish == b"stay":
            try:
                time.sleep(60)
            except SystemExit:
                pass

processes.TIME_TO_STOP = 1.0
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    processes.keep_serving(serve, 2)
"""


class Servers:
    def __init__(self, port: int) -> None:
        self.port = port
        self.parent = psutil.Popen(
            [sys.executable, "-c", SERVER, str(port)], cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def ask(self, wish: bytes = b"go") -> int:
        """The process that answers."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(wish)
            return int(connection.recv(10))

    def answers(self) -> bool:
        try:
            return bool(self.ask())
        except (OSError, ValueError):
            return False

    def numbers(self) -> set[int]:
        return {child.pid for child in self.parent.children()}


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers(free_port())
    wait_for(servers.answers, 10)
    wait_for(lambda: len(servers.numbers()) == 2, 10)
    yield servers
    with suppress(psutil.NoSuchProcess):
        for process in [*servers.parent.children(), servers.parent]:
            process.kill()
    servers.parent.wait()


def test_processes_that_die_are_followed_by_others_at_once_and_for_ever(servers: Servers):
    for _ in range(2):
        for process in servers.parent.children():
            process.kill()
            process.wait()
        wait_for(lambda: len(servers.numbers()) == 2, 5)
        assert servers.answers()


def test_a_parent_that_is_killed_leaves_nobody_serving(servers: Servers):
    children = servers.parent.children()
    servers.parent.kill()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive and not servers.answers()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_to_stop_ends_all_though_a_request_goes_on(servers: Servers, sent: signal.Signals):
    servers.ask(b"stay")
    children, began = servers.parent.children(), time.monotonic()
    servers.parent.send_signal(sent)
    assert servers.parent.wait(5) == 0
    assert time.monotonic() - began < 3
    assert not any(child.is_running() for child in children)


def test_a_request_is_finished_though_its_process_is_told_twice_to_stop(servers: Servers):
    """As by systemd and honcho, which tell all processes, and then by the parent."""
    with socket.create_connection(("127.0.0.1", servers.port), timeout=5) as connection:
        connection.sendall(b"finish")
        os.kill(int(connection.recv(10)), signal.SIGTERM)
        assert connection.recv(10) == b"stopping"
        servers.parent.terminate()
        time.sleep(0.1)
        connection.sendall(b"go on")
        assert connection.recv(10) == b"finished"
    assert servers.parent.wait(5) == 0
