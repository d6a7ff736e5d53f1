"""Bodies without a length are refused by the server as it is started in use, not read as empty."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from .conftest import Site

pytestmark = pytest.mark.xdist_group("browser")


def post(site: Site, path: str, body: object, **headers: str) -> tuple[int, str]:
    """Bytes are sent with their length, an iterator in chunks."""
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=30)
    connection.request("POST", path, body=body, headers={"Host": urlsplit(site.url).netloc, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_body_in_chunks_is_refused_by_api_and_pages(site: Site):
    body = json.dumps({"email": "ann@example.org", "password": "not hers"}).encode()
    kind = {"Content-Type": "application/json"}
    status, text = post(site, "/api/v1/token/", iter([body[:20], body[20:]]), **kind)
    assert status == 411 and "Content-Length" in json.loads(text)["detail"]
    assert post(site, "/api/v1/token/", body, **kind)[0] == 400, "with its length it is read"
    assert post(site, "/account/login/", iter([b"login=ann@example.org"]))[0] == 411


def test_a_request_without_a_body_needs_no_length(site: Site):
    assert post(site, "/api/v1/token/", None)[0] == 400
