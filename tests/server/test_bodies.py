"""A request's head decides whether its body is read."""

import http.client
import json

import pytest

from config.server import connections

from .conftest import Served

KIB = 1024


def head(path: str = "/form/", length: int = 10**9, *lines: str) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: a", f"Content-Length: {length}", *lines)
    return "\r\n".join((*lines, "", "")).encode()


def answer(served: Served, sent: bytes) -> http.client.HTTPResponse:
    with served.connect(sent) as connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        response.text = response.read().decode()
        return response


def test_a_large_body_from_who_did_not_sign_in_is_refused_before_it_comes(served: Served):
    refused = answer(served, head(length=64 * KIB + 1))
    assert refused.status == 413
    assert refused.text.startswith("The body is larger than 64 KiB; nothing was done. Sign in")
    assert served.asked == []


def test_the_api_refuses_in_json(served: Served):
    refused = answer(served, head("/api/v1/token/"))
    assert refused.status == 413 and "larger" in json.loads(refused.text)["detail"]


@pytest.mark.parametrize("claim", [{"Cookie": "a=b; sessionid=c"}, {"Authorization": "Token d"}])
def test_who_claims_to_be_somebody_may_send_more(served: Served, claim: dict[str, str]):
    assert served.ask("POST", "/form/", 100 * KIB * b"a", **claim)[0] == 200
    assert served.asked == [f"POST /form/ {100 * KIB}"]
    assert answer(served, head("/form/", 10**9, *(f"{a}: {b}" for a, b in claim.items()))).status == 413


def test_who_is_refused_can_read_why_while_they_send(served: Served):
    with served.connect(head(length=20 * KIB**2)) as connection:
        sent = 0
        while sent < 5 * KIB**2:
            connection.sendall(64 * KIB * b"a")
            sent += 64 * KIB
        assert b" 413 Content Too Large" in connection.recv(1000)


def test_who_asks_first_is_not_told_to_go_on(served: Served):
    assert answer(served, head("/form/", 10**9, "Expect: 100-continue")).status == 413
    with served.connect(head("/form/", 3, "Expect: 100-continue")) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"a=b")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + 5000 * b"9" + b"\r\n\r\n",
    ],
    ids=["half an address", "a length of 5000 digits"],
)
def test_a_head_that_cannot_be_read_is_a_bad_request(served: Served, sent: bytes):
    assert answer(served, sent).status == 400


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_without_a_length_is_refused(served: Served, version: str):
    sent = f"POST /form/ HTTP/{version}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
    refused = answer(served, sent.encode())
    assert refused.status == 411 and "Content-Length" in refused.text
    assert served.asked == []


def test_large_bodies_on_their_way_are_bounded_together(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST_LARGE", 5 * KIB**2)
    large = head("/form/", 4 * KIB**2, "Cookie: sessionid=a")
    with served.connect(large):
        refused = answer(served, large + b"a=b")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        asks_first = head("/form/", 4 * KIB**2, "Cookie: sessionid=a", "Expect: 100-continue")
        assert answer(served, asks_first).status == 503
        assert served.ask("POST", "/form/", b"a=b") == (200, b"yes"), "a form is small"


def test_one_address_leaves_room_for_the_files_of_others(
    served: Served, monkeypatch: pytest.MonkeyPatch, settings
):
    monkeypatch.setattr(connections, "MOST_LARGE_OF_ONE_ADDRESS", 5 * KIB**2)
    large = head("/form/", 4 * KIB**2, "Cookie: sessionid=a")
    with served.connect(large, "127.0.0.8"):
        with served.connect(large + b"a=b", "127.0.0.8") as another:
            assert another.recv(100).startswith(b"HTTP/1.1 503")
        with served.connect(large[:-2] + b"Expect: 100-continue\r\n\r\n", "127.0.0.9") as of_others:
            assert of_others.recv(100).startswith(b"HTTP/1.1 100")
        settings.PROXIES = 1
        with served.connect(large[:-2] + b"Expect: 100-continue\r\n\r\n", "127.0.0.8") as by_the_proxy:
            assert by_the_proxy.recv(100).startswith(b"HTTP/1.1 100")


def test_head_is_answered_without_a_body(served: Served):
    with served.connect(b"HEAD /page/ HTTP/1.0\r\n\r\n") as connection:
        received = b""
        while data := connection.recv(1000):
            received += data
    assert received.endswith(b"\r\n\r\n")
