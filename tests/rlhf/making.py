"""Tiny models made on the spot (seconds, no network), and what an engine leaves."""

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from training.rlhf.command.plans import read_recipe
from training.rlhf.data import chat
from training.rlhf.data.padding import pad
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.rundir import dataset_file
from training.rlhf.stages import STAGES

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
THINGS = ("rain", "ice", "coal", "wind", "peat", "soil", "fog", "moss")
QUESTIONS = [f"Is {thing} good?" for thing in THINGS]
PROMPTS: list[dict[str, Any]] = [
    {"prompt_id": f"p{i}", "prompt": [{"role": "user", "content": question}]}
    for i, question in enumerate(QUESTIONS)
]
GOOD, BAD = "Yes, quite so.", "No, not at all."


def make_tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator([*QUESTIONS, GOOD, BAD, "user assistant system"] * 5, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_base(shape: str, folder: Path, **changes: Any) -> PreTrainedModel:
    """A random Llama shaped as SmolLM2 (tied embeddings, grouped heads) or a random Qwen3; with tokenizer.

    `changes` are those of its configuration.
    """
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "max_position_embeddings": 256,
        **changes,
    }
    if shape == "qwen3":
        model: PreTrainedModel = Qwen3ForCausalLM(Qwen3Config(head_dim=8, **sizes))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def make_reward(base: Path, folder: Path) -> Any:
    """A random reward adapter as TRL's trainer leaves it (SEQ_CLS with its score head); returns the model."""
    torch.manual_seed(1)
    tokenizer = load_tokenizer(str(base))
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    model.config.pad_token_id = tokenizer.pad_token_id
    model = get_peft_model(model, LoraConfig(r=4, task_type="SEQ_CLS", target_modules="all-linear"))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return model.eval()


def conversation(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def teach(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, steps: int) -> None:
    """Train a base until it answers each question with GOOD or BAD, about half of the time each."""
    tokenizer = load_tokenizer(tokenizer.name_or_path)
    rows = [
        chat.encode_conversation(tokenizer, conversation(question, answer))
        for question in QUESTIONS
        for answer in (GOOD, BAD)
    ]
    ids, mask = pad(rows, tokenizer.pad_token_id)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(steps):
        loss = model(
            input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100), use_cache=False
        ).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def teach_reward(model: Any, base: Path, steps: int) -> None:
    """Train a reward model until it scores GOOD above BAD."""
    tokenizer = load_tokenizer(str(base))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    sides = [
        pad(
            [chat.encode_conversation(tokenizer, conversation(q, answer)) for q in QUESTIONS],
            tokenizer.pad_token_id,
        )
        for answer in (GOOD, BAD)
    ]
    for _ in range(steps):
        good, bad = (model(input_ids=ids, attention_mask=mask).logits for ids, mask in sides)
        loss = -torch.nn.functional.logsigmoid(good - bad).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def write_rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Write JSONL; returns a recipe's entry for the file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = dataset_file(path)
    return {"path": file.path, "sha256": file.sha256}


def error_of(folder: Path) -> dict[str, str]:
    """The reason and kind that a failed run left."""
    error: dict[str, str] = json.loads((folder / "error.json").read_text())
    return error


def progress_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def load_shared(folder: Path) -> SharedBase:
    """The shared base of a model folder, with no adapter yet."""
    return SharedBase(load_base(str(folder), "float32"))


def with_policy(folder: Path, *, fresh: bool = False) -> SharedBase:
    """A shared base with an adapter "policy" that changes its answers unless it is fresh."""
    base = load_shared(folder)
    torch.manual_seed(3)
    base.add("policy", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    for parameter in [] if fresh else base.parameters("policy"):
        parameter.data.normal_(0, 0.1)
    return base


def workload_of(folder: Path) -> Any:
    """What `plan` counts of a run directory."""
    directory, recipe = read_recipe(folder)
    return STAGES[recipe.stage].workload(directory, recipe, base_location(directory, recipe))
