"""Prompts by their length: those that fit are answered, the others are left out and listed.

    python -m training.rlhf measure BASE_MODEL PROMPTS_JSONL OUT_JSONL

writes the length of each prompt, rows {prompt_id, tokens, context}, before anything is sampled: of the whole
prompt as the base's chat template writes it, and how many tokens the base reads at once. `tokens` is null
where the template refuses the prompt, `context` where the base sets no limit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_prompt
from training.rlhf.data.files import Prompt, read_prompts
from training.rlhf.errors import DataError
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.recipes import SamplingRecipe
from training.rlhf.rundir import RunDirectory, dataset_file, write_text

LEFT_OUT = "left_out.jsonl"


@dataclass(frozen=True)
class EncodedPrompts:
    """The prompts that fit, with their token ids, and rows {prompt_id, tokens, limit} of those left out."""

    prompts: list[Prompt]
    ids: list[list[int]]
    left_out: list[dict[str, Any]]

    def write_left_out(self, directory: RunDirectory) -> None:
        """Write output/left_out.jsonl, if any prompt was left out."""
        if self.left_out:
            write_text(directory.output / LEFT_OUT, _lines(self.left_out))


def encode_fitting(
    prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase, *, limit: int
) -> EncodedPrompts:
    """Encode the prompts that have at most `limit` tokens.

    Raises DataError when none has, or when the chat template drops the system messages that prompts have.
    """
    _require_system_messages(prompts, tokenizer)
    encoded = [(prompt, encode_prompt(tokenizer, prompt.messages)) for prompt in prompts]
    fitting = [(prompt, ids) for prompt, ids in encoded if len(ids) <= limit]
    if not fitting:
        shortest = min(len(ids) for _, ids in encoded)
        raise DataError(
            f"No prompt fits: the shortest of {len(encoded)} has {shortest} tokens, more than the {limit} "
            "that max_prompt_tokens and the base model allow."
        )
    return EncodedPrompts(
        prompts=[prompt for prompt, _ in fitting],
        ids=[ids for _, ids in fitting],
        left_out=[
            {"prompt_id": prompt.prompt_id, "tokens": len(ids), "limit": limit}
            for prompt, ids in encoded
            if len(ids) > limit
        ],
    )


def _require_system_messages(prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase) -> None:
    with_system = next((each.messages for each in prompts if each.messages[0]["role"] == "system"), None)
    if with_system and encode_prompt(tokenizer, with_system) == encode_prompt(tokenizer, with_system[1:]):
        raise DataError(
            "The base model's chat template leaves out system messages, so the system prompt would not reach "
            "the model: remove it, or take a base model whose template writes it."
        )


def prompt_limit(recipe: SamplingRecipe, location: str) -> int:
    """The most tokens of a prompt: the recipe's, less where the base could not read the answer behind it."""
    context = context_length(location)
    if context is None:
        return recipe.max_prompt_tokens
    return min(recipe.max_prompt_tokens, context - recipe.max_new_tokens)


def context_length(location: str) -> int | None:
    """How many tokens a base model reads at once; None where it sets no limit."""
    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def measure_prompts(location: str, prompts: Path, out: Path) -> None:
    """Write the length of each prompt of a file under a base model, as the module describes it."""
    tokenizer, context = load_tokenizer(location), context_length(location)
    rows = [
        {"prompt_id": prompt.prompt_id, "tokens": _length(tokenizer, prompt), "context": context}
        for prompt in read_prompts(RunDirectory(Path.cwd()), dataset_file(prompts))
    ]
    write_text(out, _lines(rows))


def _length(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> int | None:
    try:
        return len(encode_prompt(tokenizer, prompt.messages))
    except DataError:
        return None


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
