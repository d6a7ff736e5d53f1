"""What the site sends goes to public addresses only, whatever a name says."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

import pytest

from annotator import outgoing
from annotator.outgoing import RefusedAddressError, check_address, is_public, post, resolve

INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255", "198.18.0.1",
    "192.88.99.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "2002:7f00:1::1", "2001:0:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_a_network_are_refused(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_in_the_internet_are_not(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/",
        "https://",
        "https:///path",
        "https://ada:secret@example.org/",
        "https://ada@example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_is_no_public_https_address_is_refused_without_a_look_up(address):
    with pytest.raises(RefusedAddressError):
        check_address(address, allows_private=False)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.0.0.1", "2130706433", "0"])
def test_other_spellings_of_this_machine_are_refused(host):
    with pytest.raises(RefusedAddressError):
        resolve(host, 443, allows_private=False)


def test_one_address_inside_is_enough_to_refuse_a_name(monkeypatch):
    both = [(0, 0, 0, "", (each, 443)) for each in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: both)
    with pytest.raises(RefusedAddressError):
        resolve("example.org", 443, allows_private=False)


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_looked_up_once(monkeypatch):
    looked_up, connected = [], []

    def look_up(host, *_args, **_kwargs):
        looked_up.append(host)
        return [(0, 0, 0, "", ("1.1.1.1" if len(looked_up) == 1 else "127.0.0.1", 443))]

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        post("https://rebind.example/", b"", {}, seconds=1)
    assert looked_up == ["rebind.example"] and connected == [("1.1.1.1", 443)]


@contextmanager
def listening(status: int, headers: dict[str, str] | None = None):
    """A server on this machine, and the paths and bodies that it was sent."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(
                (self.path, self.headers["Host"], self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_where_the_site_allows_it_a_server_inside_is_reached():
    with listening(204) as (address, asked):
        assert post(f"{address}/a?b=c", b"{}", {}, seconds=5, allows_private=True) == 204
    assert asked == [("/a?b=c", address.removeprefix("http://"), b"{}")]


def test_no_redirect_is_followed():
    with listening(200) as (inside, reached), listening(302, {"Location": inside}) as (address, asked):
        assert post(address, b"{}", {}, seconds=5, allows_private=True) == 302
    assert len(asked) == 1 and reached == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with listening(200) as (address, _asked):
        assert post(address, b"{}", {}, seconds=5, allows_private=True) == 200


def test_a_server_that_says_nothing_is_left():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            post(address, b"{}", {}, seconds=0.2, allows_private=True)


@pytest.mark.parametrize("path", ["a b", "a\x01", "\x00", "é", "\ud800"])
def test_an_odd_path_is_refused(path):
    with listening(200) as (address, asked), pytest.raises(RefusedAddressError):
        post(f"{address}/{path}", b"{}", {}, seconds=5, allows_private=True)
    assert asked == []


def test_a_certificate_that_nobody_vouches_for_is_an_error_of_the_connection(monkeypatch):
    def connect(*_args):
        raise outgoing.ssl.SSLCertVerificationError

    monkeypatch.setattr(outgoing, "_connect", connect)
    with pytest.raises(OSError, match=r".*"):
        post("https://127.0.0.1/", b"{}", {}, seconds=5, allows_private=True)
