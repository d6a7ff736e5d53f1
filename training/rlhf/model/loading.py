"""The base model and its tokenizer, from a folder or the hub; safetensors only, no remote code."""

import hashlib
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from training.rlhf.errors import ModelError, first_line, out_of_memory
from training.rlhf.hardware.device import device_for
from training.rlhf.model.kernels.layers import replace_layers
from training.rlhf.recipes import Device, Recipe
from training.rlhf.rundir import RunDirectory, write_json

_SPARE_TOKENS = ("<|endoftext|>", "<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<unk>")
_NEW_HEAD = "score.weight"  # of a base that is to become a reward model

disable_progress_bar()  # the log is for what the stages say


def base_location(directory: RunDirectory, recipe: Recipe) -> str:
    """The folder of the base model, or its hub name; ModelError for a folder that is missing."""
    folder = directory.resolve(recipe.base_model)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"The model folder {recipe.base_model} has no config.json.")
        return str(folder)
    looks_local = recipe.base_model.startswith((".", "/", "~")) or recipe.base_model.count("/") > 1
    if looks_local:
        raise ModelError(f"The model folder {recipe.base_model} does not exist.")
    return recipe.base_model


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
            f"The base model {location} lacks {len(missing)} of the weights that its config.json tells of, "
            f"{missing[0]} for one: get it whole."
        )
    replace_layers(model)
    model.config.use_cache = False
    embedding: Any = model.get_input_embeddings()
    # It gives no gradient to the padding token of the base's configuration, which is often EOS.
    embedding.padding_idx = None
    return model.to(place).requires_grad_(False).eval()


def write_base_card(directory: RunDirectory, recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write output/base.json: which base and which chat template the output belongs to."""
    template = str(tokenizer.chat_template).encode()
    card = {"base_model": recipe.base_model, "chat_template_sha256": hashlib.sha256(template).hexdigest()}
    write_json(directory.output / "base.json", card)
