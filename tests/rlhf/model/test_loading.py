"""Base models and tokenizers: what is accepted, and why the rest is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from training.rlhf.errors import ModelError
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.generate.recipe import GenerateRecipe


def test_a_base_with_pickled_weights_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(llama)
    torch.save(model.state_dict(), tmp_path / "base" / "pytorch_model.bin")
    (tmp_path / "base" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_base(str(tmp_path / "base"), "float32")


def test_a_base_that_lacks_weights_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "base")
    config = json.loads((llama / "config.json").read_text())
    (tmp_path / "base" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ModelError, match=r"lacks 9 of the weights .* model.layers.2"):
        load_base(str(tmp_path / "base"), "float32")


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.json", "[]"), ("config.json", '{"model_type": "llama", "hidden_size": "a"}'),
     ("config.json", "{"), ("tokenizer.json", "{}"), ("tokenizer.json", "{")],
)  # fmt: skip
def test_a_malformed_file_of_a_base_is_no_failure_of_the_engine(
    name: str, text: str, llama: Path, tmp_path: Path
) -> None:
    shutil.copytree(llama, tmp_path / "base")
    (tmp_path / "base" / name).write_text(text)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_tokenizer(str(tmp_path / "base"))
    if name == "config.json":
        with pytest.raises(ModelError, match="cannot be loaded"):
            load_base(str(tmp_path / "base"), "float32")


@pytest.mark.parametrize("name", ["/nowhere/model", "models/a/b", "./model"])
def test_a_missing_model_folder_is_reported(tmp_path: Path, name: str) -> None:
    recipe = GenerateRecipe(base_model=name, dataset=DatasetFile("p", "0" * 64))
    with pytest.raises(ModelError, match="does not exist"):
        base_location(RunDirectory(tmp_path), recipe)


def test_the_padding_token_is_not_eos(llama: Path) -> None:
    tokenizer = load_tokenizer(str(llama))  # saved with pad = eos, as SmolLM2 is
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_tokenizer_without_chat_template_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "base")
    for path in (tmp_path / "base").glob("chat_template*"):
        path.unlink()
    config = json.loads((tmp_path / "base" / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (tmp_path / "base" / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no chat template"):
        load_tokenizer(str(tmp_path / "base"))
