"""Models as GGUF files: what is written, and that llama.cpp answers with them as transformers does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import xllamacpp
from transformers import AutoTokenizer

from tests.rlhf.making import SPECIAL, with_policy
from training.rlhf.__main__ import main
from training.rlhf.errors import ModelError
from training.rlhf.export.command import export
from training.rlhf.export.conversion import split_of
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.rundir import sha256_of


@pytest.fixture(scope="module")
def adapter(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy on `llama` that answers otherwise than it."""
    place = tmp_path_factory.mktemp("policy")
    with_policy(llama).save("policy", place)
    BaseCard.of(str(llama), str(llama), load_tokenizer(str(llama))).write(place)
    return place


@pytest.fixture(scope="module")
def exported(llama: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exports")
    return {part: folder / f"{stem}.gguf" for part, stem in export(str(llama), folder, adapter).items()}


def about(file: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(file.with_suffix(".json").read_text())
    return described


@pytest.mark.parametrize("part", ["base", "adapter"])
def test_what_describes_a_file_has_its_size_and_checksum(exported, part):
    file = exported[part]
    assert about(file)["sha256"] == sha256_of(file)
    assert about(file)["bytes"] == file.stat().st_size


def test_a_base_names_its_context_and_the_tokens_that_no_message_may_contain(exported):
    assert about(exported["base"])["context"] == 256
    assert about(exported["base"])["control_tokens"] == sorted(SPECIAL)


def test_llama_cpp_answers_with_the_files_as_transformers_does(exported):
    """The same base with the adapter and without it, and both tell themselves apart."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(exported["base"])
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(exported["adapter"]), 0.0)]
    parameters.n_ctx, parameters.port, parameters.verbosity = 256, 0, 0
    parameters.cpuparams.n_threads = 1
    server = xllamacpp.Server(parameters)

    def answers(part: str, references: list[dict[str, Any]]) -> list[bool]:
        """Whether each answer of the server begins as the reference does."""
        found = []
        for reference in references:
            asked = {
                "messages": reference["messages"], "temperature": 0, "max_tokens": 30, "cache_prompt": False,
                "lora": [{"id": 0, "scale": float(part == "adapter")}],
            }  # fmt: skip
            answer = server.handle_chat_completions(asked)["choices"][0]["message"]["content"] or ""
            same = answer.strip() == reference["answer"]
            found.append(same if reference["finished"] else answer.strip().startswith(reference["answer"]))
        return found

    references = {part: about(exported[part])["references"] for part in ("base", "adapter")}
    assert all(references.values())
    for part in ("base", "adapter", "base"):
        assert all(answers(part, references[part]))
    assert not all(answers("base", references["adapter"]))


def test_what_is_there_is_not_made_again(llama, adapter, exported):
    times = {file: file.stat().st_mtime_ns for file in exported.values()}
    export(str(llama), exported["base"].parents[1], adapter)
    assert {file: file.stat().st_mtime_ns for file in exported.values()} == times


def test_the_command_prints_where_the_files_are(llama, exported, capsys):
    assert main(["export", str(llama), str(exported["base"].parents[1])]) == 0
    stem = exported["base"].relative_to(exported["base"].parents[1]).with_suffix("")
    assert json.loads(capsys.readouterr().out) == {"base": str(stem), "adapter": None}


def test_a_qwen3_like_the_starter_is_exported_in_the_place_of_what_a_kill_left(qwen3, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "base.gguf").write_bytes(b"half of it")
    written = export(str(qwen3), tmp_path, scratch=run)
    assert (tmp_path / f"{written['base']}.gguf").read_bytes()[:4] == b"GGUF"
    assert not list(run.iterdir())


def test_another_template_is_another_base(llama, exported, tmp_path):
    changed = shutil.copytree(llama, tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(changed)
    tokenizer.chat_template = tokenizer.chat_template.replace("user", "user") + "{# changed #}"
    tokenizer.save_pretrained(changed)
    assert export(str(changed), tmp_path)["base"] != exported["base"].parent.name + "/base"


def test_an_adapter_of_another_base_is_refused_before_it_is_written(qwen3, adapter, tmp_path):
    with pytest.raises(ModelError, match="whose weights are not those"):
        export(str(qwen3), tmp_path, adapter)
    assert not list(tmp_path.rglob("adapter*"))


def test_a_missing_base_is_one_sentence(tmp_path, capsys):
    assert main(["export", str(tmp_path / "none"), str(tmp_path)]) == 1
    assert capsys.readouterr().err.strip() == f"The model folder {tmp_path / 'none'} does not exist."


def test_an_architecture_that_llama_cpp_does_not_know_is_one_sentence(llama, tmp_path, capsys):
    changed = shutil.copytree(llama, tmp_path / "base")
    settings = json.loads((changed / "config.json").read_text())
    (changed / "config.json").write_text(json.dumps(settings | {"architectures": ["NoSuchForCausalLM"]}))
    assert main(["export", str(changed), str(tmp_path)]) == 1
    assert "llama.cpp" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.gguf"))


@pytest.mark.parametrize(
    ("split", "name"),
    [
        ({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}, "gpt-2"),
        (
            {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Digits", "individual_digits": True},
                    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                ],
            },
            "smollm",
        ),
    ],
)
def test_how_a_tokenizer_splits_texts_has_a_name_in_llama_cpp(tmp_path, split, name):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": split}))
    assert split_of(tmp_path) == name


@pytest.mark.parametrize(
    "split", [None, {"type": "Whitespace"}, {"type": "ByteLevel", "add_prefix_space": True}]
)
def test_a_way_of_splitting_that_llama_cpp_has_not_is_refused(tmp_path, split):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": split}))
    with pytest.raises(ModelError, match="splits texts in a way"):
        split_of(tmp_path)
