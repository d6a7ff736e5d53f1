"""A GGUF file becomes a base model, whole or not at all."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.rlhf.gguf_files import make_gguf
from tests.rlhf.making import QUESTIONS
from training.rlhf.__main__ import main
from training.rlhf.data import chat
from training.rlhf.model.base_check import check_base
from training.rlhf.model.gguf_file import folder_name
from training.rlhf.rundir import sha256_of


@pytest.fixture(scope="module")
def file(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(llama, tmp_path_factory.mktemp("gguf") / "Tiny.F32.gguf")


def refusal(file: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a file that is not unpacked; nothing is left of it."""
    assert main(["unpack", str(file), str(folder)]) == 1
    assert not folder.exists() and not list(folder.parent.glob(".*"))
    return capsys.readouterr().err.strip()


def test_an_unpacked_file_is_the_same_model(llama: Path, file: Path, tmp_path: Path) -> None:
    folder, run = tmp_path / "bases" / "tiny", tmp_path / "run"
    run.mkdir()
    (run / "error.json").write_text("{}")
    assert main(["unpack", str(file), str(folder), "--run-dir", str(run)]) == 0
    assert check_base(folder.name, folder.parent).problems == []
    first, second = (AutoTokenizer.from_pretrained(each) for each in (llama, folder))
    asked = [{"role": "user", "content": QUESTIONS[0]}]
    assert chat.encode_prompt(first, asked) == chat.encode_prompt(second, asked)
    before = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.bfloat16).state_dict()
    after = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    source = json.loads((folder / "source.json").read_text())
    assert source == json.loads((run / "result.json").read_text())
    assert (source["sha256"], source["licence"], source["name"]) == (sha256_of(file), "apache-2.0", "Tiny")
    assert "license: apache-2.0" in (folder / "README.md").read_text()
    steps = [json.loads(line)["step"] for line in (run / "progress.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5] and not (run / "error.json").exists()


def test_a_file_that_ends_too_early_is_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = file.read_bytes()
    for length in (4, 30, 3000, len(content) // 2, len(content) - 1):
        short = tmp_path / "short.gguf"
        short.write_bytes(content[:length])
        assert "short.gguf is cut off or damaged" in refusal(short, tmp_path / "base", capsys), length


def test_what_is_no_gguf_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.gguf"
    assert "cannot be read" in refusal(other, tmp_path / "base", capsys)
    for content in (b"", b"PK\x03\x04 a zip"):
        other.write_bytes(content)
        assert "is not a GGUF file" in refusal(other, tmp_path / "base", capsys)


def test_an_unknown_architecture_is_refused(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = make_gguf(llama, tmp_path / "strange.gguf", architecture="perceptron")
    assert "architecture perceptron, which cannot be unpacked" in refusal(strange, tmp_path / "base", capsys)


def test_a_file_without_chat_template_is_refused(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = make_gguf(llama, tmp_path / "mute.gguf", chat_template="")
    assert "has no chat template" in refusal(mute, tmp_path / "base", capsys)


def test_a_template_that_no_stage_could_use_is_refused(
    llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = make_gguf(llama, tmp_path / "wrong.gguf", chat_template="{{ raise_exception('no') }}")
    assert "refuses the conversation" in refusal(wrong, tmp_path / "base", capsys)


def test_a_disk_without_room_is_found_first(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = namedtuple("Usage", "total used free")(1, 1, 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: free)
    assert "has room for 1 MB: free some space" in refusal(file, tmp_path / "base", capsys)


def test_a_folder_that_is_there_is_left_alone(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["unpack", str(file), str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_an_attempt_that_was_killed_left_is_removed(file: Path, tmp_path: Path) -> None:
    (tmp_path / ".base.tmp-x/base").mkdir(parents=True)
    assert main(["unpack", str(file), str(tmp_path / "base")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_recipe_or_a_check_that_names_the_file_is_told_what_to_do(file: Path) -> None:
    (problem,) = check_base(file.name, file.parent).problems
    assert f"`unpack {file.name} FOLDER`" in problem


@pytest.mark.parametrize(
    ("name", "folder"), [("a b/Ü model.Q4.gguf", "model.Q4"), ("..gguf", "model"), ("x.gguf", "x")]
)
def test_the_folder_is_named_after_the_file(name: str, folder: str) -> None:
    assert folder_name(Path(name)) == folder
