"""A file is sent by the proxy where it can be, and by the server where not."""

import tempfile
from pathlib import Path

import pytest

from annotator.downloads import answer_file


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    (tmp_path / "datasets").mkdir()
    return tmp_path


def make_file(path: Path) -> Path:
    path.write_bytes(b"rows")
    return path


def test_without_a_proxy_that_can_the_server_sends_it(folder):
    response = answer_file(make_file(folder / "datasets/train.jsonl").open("rb"), "train.jsonl", "text/plain")
    assert response.getvalue() == b"rows"
    assert "X-Accel-Redirect" not in response


@pytest.mark.parametrize("place", ["datasets", "exports"])
def test_the_proxy_is_told_which_file_it_may_send(folder, settings, place):
    settings.ACCEL = "/files/"
    (folder / place).mkdir(exist_ok=True)
    path = make_file(folder / place / "a b%2e?.jsonl")
    response = answer_file(path.open("rb"), "train.jsonl", "text/plain")
    assert response["X-Accel-Redirect"] == f"/files/{place}/a%20b%252e%3F.jsonl"
    assert response["Content-Type"] == "text/plain"
    assert response["Content-Disposition"] == 'attachment; filename="train.jsonl"'
    assert response.content == b""


def test_the_proxy_sends_nothing_but_files_of_its_folders(folder, settings, tmp_path_factory):
    settings.ACCEL = "/files/"
    link = folder / "datasets/link"
    link.symlink_to(make_file(tmp_path_factory.mktemp("elsewhere") / "secret"))
    for path in (make_file(folder / "db.sqlite3"), folder / "datasets/../db.sqlite3", link):
        response = answer_file(path.open("rb"), "file", "text/plain")
        assert "X-Accel-Redirect" not in response
        assert response.getvalue() == b"rows"
    with tempfile.TemporaryFile(dir=folder / "datasets") as unnamed:
        assert "X-Accel-Redirect" not in answer_file(unnamed, "file", "text/plain")
