"""What a GGUF file says of itself (llama.cpp and Ollama keep models so), and whether it can be a base model.

Only the file's head is read, without torch. A host that only serves pages has no package gguf, so it is
imported where a head is read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.rlhf.errors import ModelError, first_line

if TYPE_CHECKING:
    from gguf import GGUFReader

_MAGIC = b"GGUF"


@dataclass(frozen=True)
class GGUFHead:
    """The head of a GGUF file; texts are as its maker wrote them, empty where there are none."""

    architecture: str
    name: str
    organization: str
    licence: str
    languages: tuple[str, ...]
    quantization: str
    parameters: int


def is_one_file(path: Path) -> bool:
    """Whether a base model is meant that comes as one file, and not as a folder or from the hub."""
    return path.is_file() or path.suffix.lower() == ".gguf"


def read_head(path: Path) -> GGUFHead:
    """Read the head; ModelError for a file that is no GGUF, cut off, a part, or without a chat template."""
    if not _begins_so(path):
        raise ModelError(f"{path} is not a GGUF file: it does not begin with the letters GGUF.")
    reader = _read(path)
    if (parts := _value(reader, "split.count")) and parts > 1:
        raise ModelError(f"{path} is one of {parts} parts: join them first (llama-gguf-split --merge).")
    if not _text(reader, "tokenizer.chat_template"):
        raise ModelError(f"{path} has no chat template: take the version of the model that is made for chat.")
    return GGUFHead(
        architecture=_text(reader, "general.architecture"),
        name=_text(reader, "general.name"),
        organization=_text(reader, "general.organization"),
        licence=_text(reader, "general.license"),
        languages=_texts(_value(reader, "general.languages")),
        quantization=_quantization(_value(reader, "general.file_type")),
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
    )


def folder_name(path: Path) -> str:
    """A name for the folder that a file is unpacked to: the file's own, in letters that every disk takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip(".-")[:100] or "model"


def _begins_so(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error


def _read(path: Path) -> "GGUFReader":
    from gguf import GGUFReader

    try:
        return GGUFReader(path)
    except Exception as error:  # what ends too early, or is something else, raises anything
        raise ModelError(
            f"{path} is cut off or damaged: copy or download it again. ({first_line(error)})"
        ) from error


def _value(reader: "GGUFReader", key: str) -> Any:
    field = reader.get_field(key)
    return field.contents() if field is not None else None


def _text(reader: "GGUFReader", key: str) -> str:
    value = _value(reader, key)
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _quantization(file_type: object) -> str:
    from gguf import LlamaFileType

    names = {each.value: each.name for each in LlamaFileType}
    return names.get(file_type, "").removeprefix("MOSTLY_").removeprefix("ALL_")  # type: ignore[call-overload]
