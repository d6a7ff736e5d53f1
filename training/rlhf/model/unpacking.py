"""A base model that comes as one GGUF file, unpacked to a folder as every stage reads it.

    python -m training.rlhf unpack FILE.gguf FOLDER [--run-dir RUN_DIR]

FOLDER then holds the configuration, the tokenizer with its chat template, the weights as safetensors in
bfloat16, a model card (README.md) with what the file says of itself, and source.json: the file's name, sha256
and bytes and the fields of `gguf_file.GGUFHead`. It appears whole and checked, or not at all. Weights that
were rounded to a few bits stay so rounded: they become the numbers that llama.cpp computes with.
"""

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelCard, ModelCardData
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from training.rlhf.errors import ModelError, first_line, no_space_left, out_of_memory
from training.rlhf.model.base_check import check_base
from training.rlhf.model.gguf_file import GGUFHead, read_head
from training.rlhf.rundir import RunDirectory, publish_folder, sha256_of, write_json, write_text

SOURCE, CARD = "source.json", "README.md"
STEPS = 5
"""The file is read, the tokenizer made, the weights unpacked, all of it written, and checked."""
_BYTES_PER_WEIGHT = 2  # of bfloat16
_RESERVE = 64 << 20  # bytes, for the tokenizer and what else writes to the disk
_CARD = """---
{{ card_data }}
---

# {{ title }}

Unpacked from a GGUF file, which says of itself:

| | |
|---|---|
{% for name, value in facts %}| {{ name }} | `{{ value }}` |
{% endfor %}
Its makers tell what it was trained on, what it is good for and where it fails.
"""


def unpack_gguf(file: Path, folder: Path, directory: RunDirectory) -> dict[str, Any]:
    """Unpack a GGUF file to a folder that is not there yet; returns what source.json holds.

    Progress goes to the run directory, which may ask to stop. Raises ModelError with what is wrong with the
    file, or when there is no room.
    """
    if folder.exists():
        raise ModelError(f"{folder} is there already: name a folder that is not.")
    head = read_head(file)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _require_room(file, folder.parent, head)
    source = {"file": file.name, "sha256": sha256_of(file), "bytes": file.stat().st_size, **asdict(head)}
    _clear_killed(folder)
    with tempfile.TemporaryDirectory(prefix=_scratch_prefix(folder), dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        _step(directory, 1)
        _write_model(file, made, head, directory)
        _require_usable(file, made)
        write_text(made / CARD, _card(folder.name, source))
        write_json(made / SOURCE, source)
        publish_folder(made, folder)
    _step(directory, STEPS)
    return source


def _write_model(file: Path, made: Path, head: GGUFHead, directory: RunDirectory) -> None:
    given = {"gguf_file": file.name, "trust_remote_code": False}
    try:
        AutoTokenizer.from_pretrained(file.parent, **given).save_pretrained(made)
        _step(directory, 2)
        model = AutoModelForCausalLM.from_pretrained(
            file.parent,
            quantization_config=GgufConfig(dequantize=True),  # packed, it could not be saved
            dtype=torch.bfloat16,
            **given,
        )
    except Exception as error:
        if out_of_memory(error) or no_space_left(error):
            raise
        raise ModelError(_not_unpacked(file, head, error)) from error
    _step(directory, 3)
    model.save_pretrained(made)
    _step(directory, 4)


def _not_unpacked(file: Path, head: GGUFHead, error: Exception) -> str:
    """transformers knows some architectures, and says so of others in an error of no type of its own."""
    if head.architecture in str(error) and "not supported" in str(error):
        return f"{file} holds a model of the architecture {head.architecture}, which cannot be unpacked."
    return f"{file} ({head.architecture}) cannot be unpacked: {first_line(error)}"


def _require_usable(file: Path, made: Path) -> None:
    problems = check_base(made.name, made.parent).problems
    if problems:
        raise ModelError(" ".join(problems).replace(str(made), str(file)))


def _require_room(file: Path, folder: Path, head: GGUFHead) -> None:
    needed, free = head.parameters * _BYTES_PER_WEIGHT + _RESERVE, shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"{file} takes {needed / 1e6:,.0f} MB when it is unpacked, and {folder} has room for "
            f"{free / 1e6:,.0f} MB: free some space."
        )


def _card(title: str, source: dict[str, Any]) -> str:
    """A model card in whose front matter the licence and the languages are as the hub names them."""
    known = {"license": source["licence"], "language": list(source["languages"])}
    facts = {name: _line(value) for name, value in source.items()}
    card = ModelCard.from_template(
        ModelCardData(**{name: value for name, value in known.items() if value}),
        template_str=_CARD,
        title=title,
        facts=[(name, value) for name, value in facts.items() if value],
    )
    return card.content


def _line(value: object) -> str:
    """A stranger's text on one line, between backticks."""
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return " ".join(text.replace("`", "'").replace("|", "/").split())[:200]


def _step(directory: RunDirectory, done: int) -> None:
    directory.raise_if_cancelled()
    directory.progress(done, STEPS)


def _scratch_prefix(folder: Path) -> str:
    return f".{folder.name}.tmp-"


def _clear_killed(folder: Path) -> None:
    """Remove what an attempt that was killed left half-written."""
    for left in folder.parent.glob(f"{_scratch_prefix(folder)}*"):
        shutil.rmtree(left, ignore_errors=True)
