"""The base model and its tokenizer, from a folder or the hub; safetensors only, no remote code."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from training.rlhf.data import chat
from training.rlhf.errors import ModelError, first_line, out_of_memory
from training.rlhf.hardware.device import device_for
from training.rlhf.model.gguf_file import is_one_file
from training.rlhf.model.kernels.layers import replace_layers
from training.rlhf.recipes import Device, Recipe
from training.rlhf.rundir import RunDirectory

_SPARE_TOKENS = ("<|endoftext|>", "<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<unk>")
_NEW_HEAD = "score.weight"  # of a base that is to become a reward model

disable_progress_bar()  # the log is for the stages' own lines


def base_location(directory: RunDirectory, recipe: Recipe) -> str:
    """The folder of the recipe's base model, or its hub name; ModelError for a folder that is missing."""
    return find_base(recipe.base_model, directory.resolve(recipe.base_model))


def find_base(name: str, folder: Path) -> str:
    """The folder if it exists, else the name, which is then the hub's; ModelError as `base_location`."""
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"The model folder {name} has no config.json.")
        return str(folder)
    if is_one_file(folder):
        raise ModelError(
            f"{name} is one file: if it is a GGUF, `unpack {name} FOLDER` makes a base model of it."
        )
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_local:
        raise ModelError(f"The model folder {name} does not exist.")
    return name


def load_tokenizer(location: str) -> PreTrainedTokenizerBase:
    """The tokenizer with its chat template and a padding token that is not EOS."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    except Exception as error:
        if out_of_memory(error):
            raise
        # A malformed file makes the libraries raise anything.
        raise ModelError(f"The tokenizer of {location} cannot be loaded: {first_line(error)}") from error
    if not tokenizer.chat_template:
        raise ModelError(f"The tokenizer of {location} has no chat template.")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"The tokenizer of {location} has no EOS token.")
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        vocabulary = tokenizer.get_vocab()
        spare = [token for token in _SPARE_TOKENS if token in vocabulary and token != tokenizer.eos_token]
        if not spare:
            raise ModelError(f"The tokenizer of {location} has no padding token apart from EOS.")
        tokenizer.pad_token = spare[0]
    return tokenizer


def find_stop_ids(location: str, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The tokens at which an answer ends; the first is the one that the chat template writes.

    The others are the tokenizer's EOS and those of generation_config.json, or of config.json without one.
    Raises ModelError when the template ends no answer.
    """
    try:
        named = GenerationConfig.from_pretrained(location).eos_token_id
    except OSError:
        named = getattr(AutoConfig.from_pretrained(location), "eos_token_id", None)
    more = named if isinstance(named, list) else [named]
    found = [chat.ending(tokenizer)[0], tokenizer.eos_token_id, *more]
    return tuple(dict.fromkeys(token for token in found if isinstance(token, int)))


def load_base(
    location: str, dtype: str, device: Device = "cpu", *, kind: Any = AutoModelForCausalLM, **settings: Any
) -> PreTrainedModel:
    """The base model under one of transformers' auto classes, frozen, in evaluation mode, on a device.

    Whatever is made for the model later follows it there. Raises ModelError when it cannot be loaded or its
    file lacks weights, which transformers would make up.
    """
    place = device_for(device)
    try:
        model, loaded = kind.from_pretrained(
            location,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **settings,
        )
    except Exception as error:
        if out_of_memory(error):
            raise
        raise ModelError(f"The base model {location} cannot be loaded: {first_line(error)}") from error
    missing = sorted(set(loaded["missing_keys"]) - {_NEW_HEAD})
    if missing:
        raise ModelError(
            f"The base model {location} lacks {len(missing)} of the weights that its config.json describes, "
            f"{missing[0]} for one: get it whole."
        )
    replace_layers(model)
    model.config.use_cache = False
    embedding: Any = model.get_input_embeddings()
    # It gives no gradient to the padding token of the base's configuration, which is often EOS.
    embedding.padding_idx = None
    return model.to(place).requires_grad_(False).eval()
