"""Bodies without a length are refused by the server as it is started in use, not read as empty."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")


def post(
    site: Site, path: str, body: bytes = b"", *, in_chunks: bool = False, **headers: str
) -> tuple[int, str]:
    """Status and text of the answer."""
    address = urlsplit(site.url)
    headers = {"Host": address.netloc, "Connection": "close", **headers}
    if in_chunks:
        headers["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    elif body:
        headers["Content-Length"] = str(len(body))
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        # In one piece: the server answers when it has read the headers, and then reads no further.
        connection.sendall("\r\n".join(lines).encode() + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read().decode()


def test_a_body_in_chunks_is_refused_by_api_and_pages(site: Site):
    body = json.dumps({"email": "ann@example.org", "password": "not hers"}).encode()
    kind = {"Content-Type": "application/json"}
    status, text = post(site, "/api/v1/token/", body, in_chunks=True, **kind)
    assert status == 411 and "Content-Length" in json.loads(text)["detail"]
    assert post(site, "/api/v1/token/", body, **kind)[0] == 400, "with its length it is read"
    assert post(site, "/account/login/", b"login=ann@example.org", in_chunks=True)[0] == 411


def test_a_request_without_a_body_needs_no_length(site: Site):
    assert post(site, "/api/v1/token/")[0] == 400
