"""A server's process: whom it answers, where it listens, and when it ends."""

import time
from typing import Any

import psutil
import pytest

from training.models.exports import exports_folder
from training.serving.process import ServerFailedError, ServerProcess
from training.serving.server import ServerSettings, answering_by
from training.serving.upstream import ServerDownError, ServerRefusedError, is_healthy, stream_answer

ASKED = {"messages": [{"role": "user", "content": "Is rain good?"}], "temperature": 0, "max_tokens": 8}


def settings_of(talkers: list[dict[str, Any]], **others: Any) -> ServerSettings:
    model = str(exports_folder() / f"{talkers[0]['base']}.gguf")
    values = {"model": model, "adapters": (), "key": "k", "slots": 1, "context": 256, "threads": 1}
    return ServerSettings(**{**values, **others})


def test_a_server_answers_with_its_key_on_loopback_alone(talkers):
    server = ServerProcess(settings_of(talkers))
    address = server.load(60)
    try:
        assert is_healthy(address)
        assert [chunk for chunk in stream_answer(address, "k", ASKED) if chunk]
        with pytest.raises(ServerRefusedError) as refused:
            list(stream_answer(address, "wrong", ASKED))
        assert refused.value.status == 401
        listening = [each for each in psutil.Process(server.pid).net_connections() if each.status == "LISTEN"]
        assert {each.laddr.ip for each in listening} == {"127.0.0.1"}
    finally:
        server.stop()
    assert not is_healthy(address)
    with pytest.raises(ServerDownError):
        list(stream_answer(address, "k", ASKED))


def test_a_server_ends_with_whoever_started_it(talkers):
    server = ServerProcess(settings_of(talkers))
    server.load(60)
    assert server._process.stdin
    server._process.stdin.close()
    assert server._process.wait(10) == 0


def test_a_model_that_sleeps_wakes_with_its_adapters(talkers):
    adapter = str(exports_folder() / f"{talkers[1]['adapter']}.gguf")
    server = ServerProcess(settings_of(talkers, adapters=(adapter,), sleep=1))
    address = server.load(60)
    try:
        asked = ASKED | answering_by([adapter], adapter)
        texts = []
        for _ in range(2):
            chunks = [chunk for chunk in stream_answer(address, "k", asked) if chunk]
            texts.append([choice["delta"] for chunk in chunks for choice in chunk["choices"]])
            time.sleep(2)
        assert texts[0] == texts[1]
    finally:
        server.stop()


@pytest.mark.parametrize("cut", [0, 1000, 60_000])
def test_a_file_that_is_cut_off_is_said(talkers, tmp_path, cut):
    whole = (exports_folder() / f"{talkers[0]['base']}.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: min(cut, len(whole) - 100)])
    server = ServerProcess(settings_of(talkers, model=str(tmp_path / "cut.gguf")))
    with pytest.raises(ServerFailedError, match="Failed to init server"):
        server.load(60)
    assert not server.is_alive
