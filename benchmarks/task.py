"""A PPO task of a given shape, as files that both sides of a comparison read."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from benchmarks.processes import ROOT
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.recipes import Dtype
from training.starter.build import make_starter
from training.starter.corpus import load_corpus
from training.starter.model import make_tokenizer

CORPUS = ROOT / "training/starter/climate.jsonl"
STARTER = ROOT / "build/bench/starter"
_LONGEST_PROMPT = 4096


@dataclass(frozen=True)
class Shape:
    """What is trained on what; batch in answers, lengths in tokens, prompt 0 for prompts as they are."""

    name: str
    batch_size: int
    minibatches: int
    micro_batch_size: int
    prompt: int
    response: int
    dtype: Dtype = "float32"
    peer_dtype: Dtype = "float32"
    lora_r: int = 16
    epochs: int = 2


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("smollm2-135m", batch_size=8, minibatches=2, micro_batch_size=2, prompt=64, response=64),
        Shape("qwen3-0.6b", batch_size=8, minibatches=2, micro_batch_size=2, prompt=64, response=64),
        Shape("starter", batch_size=64, minibatches=4, micro_batch_size=16, prompt=0, response=48),
    )
}
CONFIGURATIONS: dict[str, Any] = {
    "smollm2-135m": (
        LlamaForCausalLM,
        LlamaConfig,
        {
            "vocab_size": 49152,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
        },
    ),
    "qwen3-0.6b": (
        Qwen3ForCausalLM,
        Qwen3Config,
        {
            "vocab_size": 151936,
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
        },
    ),
}


@dataclass(frozen=True)
class Task:
    """Base, reward adapter and prompts of a shape, in a folder of its own."""

    shape: Shape
    folder: Path
    base: Path
    reward: Path
    prompts: Path
    token_ids: list[list[int]]


def prepare(shape: Shape, folder: Path, base: Path | None = None) -> Task:
    """Make what is trained, but for a base that is there; the starter is made once and kept (two minutes)."""
    if base is None:
        base = starter() if shape.name == "starter" else _random_base(shape, folder / "base")
    tokenizer = load_tokenizer(str(base))
    questions = [question for topic in load_corpus(CORPUS) for question in topic.questions]
    prompts = [
        Prompt(str(i), [{"role": "user", "content": text}])
        for i, text in enumerate(_grown(tokenizer, questions, shape.prompt))
    ]
    path = folder / "prompts.jsonl"
    rows = [{"prompt_id": each.prompt_id, "prompt": each.messages} for each in prompts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Task(
        shape=shape,
        folder=folder,
        base=base,
        reward=_random_reward(base, tokenizer, folder / "reward"),
        prompts=path,
        token_ids=[chat.encode_prompt(tokenizer, each.messages) for each in prompts],
    )


def _random_base(shape: Shape, folder: Path) -> Path:
    """A random model of a known shape; its tokenizer has fewer entries, which changes no cost."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer([text for topic in load_corpus(CORPUS) for text in topic.questions], 2048)
    model_class, config_class, sizes = CONFIGURATIONS[shape.name]
    model = model_class(
        config_class(
            **sizes,
            tie_word_embeddings=True,
            max_position_embeddings=_LONGEST_PROMPT,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
    )
    model.to(getattr(torch, shape.dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def starter() -> Path:
    """The starter model of the demonstration corpus, made once and kept (two minutes)."""
    return make_starter(load_corpus(CORPUS), STARTER, threads=os.cpu_count() or 1)


def _grown(tokenizer: PreTrainedTokenizerBase, texts: list[str], length: int) -> list[str]:
    """The texts repeated and cut so that each prompt has `length` tokens; as they are when it is 0."""
    if not length:
        return texts
    room = length - len(chat.encode_prompt(tokenizer, [{"role": "user", "content": ""}]))
    grown = []
    for text in texts:
        ids = tokenizer.encode(" ".join([text] * room))
        # Decoding may merge tokens at the cut, so a cut that holds is searched for.
        cuts = (str(tokenizer.decode(ids[start : start + room])).strip() for start in range(room))
        grown += [cut for cut in cuts if len(tokenizer.encode(cut)) == room][:1]
    return grown


def _random_reward(base: Path, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    """A random reward adapter with its score head, as the reward stage leaves it."""
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    model.config.pad_token_id = tokenizer.pad_token_id
    adapter = LoraConfig(r=16, lora_alpha=32, task_type="SEQ_CLS", target_modules="all-linear")
    get_peft_model(model, adapter).save_pretrained(str(folder))
    return folder
