"""The command `export`: see the package."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download

from training.rlhf.data import chat
from training.rlhf.data.prompt_lengths import context_length
from training.rlhf.errors import ModelError, first_line
from training.rlhf.export.conversion import control_tokens, convert_adapter, convert_base
from training.rlhf.export.references import make_references
from training.rlhf.model.adapters import CONFIG, WEIGHTS, SharedBase
from training.rlhf.model.base_card import BaseCard, weights_sha256
from training.rlhf.model.loading import find_base, find_stop_ids, load_base, load_tokenizer
from training.rlhf.rundir import sha256_of, sync, write_json

FORMAT = 1
"""Part of the key: raised when files are made in another way."""
_OF_BASE = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_ON_HUB = ["*.json", "*.jinja", "*.safetensors", "tokenizer.model"]


def export(
    name: str, folder: Path, adapter: Path | None = None, *, scratch: Path | None = None
) -> dict[str, str | None]:
    """Write a base, and an adapter on it, below `folder` unless they are there; the package says how.

    A file is in `scratch` until it is whole: a folder on the same disk that no other process uses, where the
    next attempt overwrites what a killed one left.
    """
    base = _folder_of(name)
    key = _key((base / file for file in _OF_BASE), str(FORMAT), str(weights_sha256(str(base))))
    of_base, of_adapter = f"{key}/base", None
    _export_base(base, folder / of_base, scratch)
    if adapter is not None:
        BaseCard.of(name, str(base), load_tokenizer(str(base))).require_same(adapter)
        of_adapter = f"{key}/adapter-{_key((adapter / WEIGHTS, adapter / CONFIG))}"
        _export_adapter(adapter, base, folder / of_adapter, scratch)
    return {"base": of_base, "adapter": of_adapter}


def _folder_of(name: str) -> Path:
    """The base model's folder; one of the hub was fetched when it was first used."""
    location = Path(find_base(name, Path(name)))
    if location.is_dir():
        return location
    try:
        return Path(snapshot_download(name, allow_patterns=_ON_HUB))
    except (OSError, ValueError) as error:
        raise ModelError(f"The base model {name} cannot be fetched: {first_line(error)}") from error


def _export_base(base: Path, stem: Path, scratch: Path | None) -> None:
    if _is_whole(stem):
        return
    end = chat.ending(load_tokenizer(str(base)))[0]
    gguf = _convert(stem, scratch, partial(convert_base, base, end=end))
    about = {"context": context_length(str(base)), "control_tokens": control_tokens(gguf)}
    _describe(gguf, about | _references(base))


def _export_adapter(adapter: Path, base: Path, stem: Path, scratch: Path | None) -> None:
    if not _is_whole(stem):
        gguf = _convert(stem, scratch, partial(convert_adapter, adapter, base))
        _describe(gguf, _references(base, adapter))


def _references(base: Path, adapter: Path | None = None) -> dict[str, Any]:
    tokenizer = load_tokenizer(str(base))
    shared = SharedBase(load_base(str(base), "float32"))
    if adapter is not None:
        shared.load("policy", adapter)
    with shared.use("policy" if adapter else None) as model:
        made = make_references(model, tokenizer, find_stop_ids(str(base), tokenizer))
    return {"references": [asdict(reference) for reference in made]}


def _is_whole(stem: Path) -> bool:
    """Whether the file is there: what describes it is written after it."""
    return stem.with_suffix(".json").is_file() and stem.with_suffix(".gguf").is_file()


def _convert(stem: Path, scratch: Path | None, write: Callable[[Path], None]) -> Path:
    """Let a GGUF file be written under another name, and give it its own when it is on the disk."""
    gguf = stem.with_suffix(".gguf")
    gguf.parent.mkdir(parents=True, exist_ok=True)
    own = stem.with_name(f".{stem.name}-{os.getpid()}.gguf")
    unfinished = scratch / gguf.name if scratch else own
    try:
        write(unfinished)
        sync(unfinished)
        unfinished.rename(gguf)
    finally:
        unfinished.unlink(missing_ok=True)
    return gguf


def _describe(gguf: Path, about: dict[str, Any]) -> None:
    about = {"sha256": sha256_of(gguf), "bytes": gguf.stat().st_size, **about}
    write_json(gguf.with_suffix(".json"), about)


def _key(files: Iterable[Path], *parts: str) -> str:
    digest = hashlib.sha256(" ".join(parts).encode())
    for file in files:
        if file.is_file():
            digest.update(f" {file.name} {sha256_of(file)}".encode())
    return digest.hexdigest()[:16]
