"""nginx, with the file of deploy/, hands out pages and files, and keeps back what it should."""

import hashlib
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from .attacks import LARGE_PAGE
from .proxy import HOST, behind_nginx
from .site import Site
from .tables import show

MAKE = """
import json
from rest_framework.authtoken.models import Token
from ranking.services import snapshot_preferences
from tests.factories import coordinator_of, make_member
from tests.ranking.making import make_assignment, make_judgment, make_round
current = make_round(answers=2)
make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
dataset = snapshot_preferences(project=current.project)
token = Token.objects.create(user=coordinator_of(current.project))
path = f"/api/v1/projects/{current.project.slug}/datasets/{dataset.number}/"
print(json.dumps({"token": token.key, "path": path, "folder": str(dataset.folder)}))
"""


def chunks() -> Iterator[bytes]:
    """A body that is sent without its length."""
    return iter([100_000 * b"a", 100_000 * b"a"])


def ask(
    port: int, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str
) -> http.client.HTTPResponse:
    """The answer, whose `body` is read."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.connect()
    connection.sock = context.wrap_socket(connection.sock, server_hostname=HOST)
    connection.request(method, path, body, {"Host": HOST, **headers})
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


def test_what_nginx_hands_out(new_site: Callable[..., Site], tmp_path: Path):
    site = new_site(CHORUS_ENV="production", CHORUS_HOSTS=HOST, CHORUS_ACCEL="/files/")
    made = json.loads(site.python(MAKE).splitlines()[-1])
    folder = Path(made["folder"])
    site.start("web")
    (tmp_path / "nginx").mkdir()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    token = {"Authorization": f"Token {made['token']}"}
    with behind_nginx(site, tmp_path / "nginx") as port:
        file = ask(port, "GET", made["path"] + "files/train.jsonl/", **token)
        direct = "/files/datasets/" + str(folder.relative_to(site.folder / "datasets")) + "/train.jsonl"
        asked = {
            "a page": ask(port, "GET", "/account/login/"),
            "a static file": ask(port, "GET", LARGE_PAGE),
            "a dataset's file": file,
            "the same, not signed in": ask(port, "GET", made["path"] + "files/train.jsonl/"),
            "the same at nginx's own address": ask(port, "GET", direct, **token),
            "200 KB from nobody": ask(port, "POST", "/account/login/", 200_000 * b"a", **form),
            "200 KB in chunks from nobody": ask(port, "POST", "/account/login/", chunks(), **form),
            "200 KB in chunks with a token": ask(port, "POST", "/api/v1/token/", chunks(), **token),
            "200 KB with a token": ask(port, "POST", "/api/v1/token/", 200_000 * b"a", **token),
            "7 MiB with a token": ask(port, "POST", "/api/v1/token/", 7 * 1024**2 * b"a", **token),
        }
    show("Asked of nginx", [{"for": name, "status": answer.status} for name, answer in asked.items()])
    assert [answer.status for answer in asked.values()] == [200, 200, 200, 401, 404, 413, 411, 415, 415, 413]
    assert (
        hashlib.sha256(file.body).digest() == hashlib.sha256((folder / "train.jsonl").read_bytes()).digest()
    )
    assert "X-Accel-Redirect" not in file.headers
    assert file.headers["Content-Disposition"] == 'attachment; filename="train.jsonl"'
    assert file.headers["X-Content-Type-Options"] == "nosniff"
