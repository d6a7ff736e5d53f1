"""Conversations as token ids, by the tokenizer's own chat template.

A sampled answer must be the same tokens that the trainers see when they render the whole conversation, so the
prompt here always ends where the assistant's text begins, and what the template writes after an answer is
known.
"""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.files import Message, Prompt
from training.rlhf.errors import DataError, ModelError, first_line

# Reasoning models (Qwen3) render an empty thought for a plain answer; other templates ignore the setting.
TEMPLATE_SETTINGS: dict[str, Any] = {"enable_thinking": False}
_PROBE = "yes"
_QUOTED = 60  # characters


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], *, longest: int
) -> list[list[int]]:
    """Token ids of prompts up to where the answer begins; DataError names one longer than `longest`."""
    encoded = [_render(tokenizer, prompt.messages, add_generation_prompt=True) for prompt in prompts]
    for prompt, ids in zip(prompts, encoded, strict=True):
        if len(ids) > longest:
            raise DataError(
                f"The prompt {prompt.prompt_id} has {len(ids)} tokens, more than the {longest} that "
                "max_prompt_tokens allows: raise it, or leave the prompt out."
            )
    return encoded


def encode_conversation(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids of a whole conversation, the answer's end included: what a reward adapter was trained on."""
    return _render(tokenizer, messages, add_generation_prompt=False)


def ending(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What the template writes after the EOS of an answer (often a line break), as token ids.

    The reward stage reads its score after it, so whoever scores a sampled answer appends it.
    """
    ids = encode_conversation(
        tokenizer, [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
    )
    try:
        last = len(ids) - 1 - ids[::-1].index(tokenizer.eos_token_id)
    except ValueError:
        raise ModelError("The chat template does not end an answer with the tokenizer's EOS token.") from None
    return ids[last + 1 :]


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """The text of an answer, without EOS and other special tokens."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip()


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, add_generation_prompt: bool
) -> list[int]:
    try:
        rendered: Any = tokenizer.apply_chat_template(
            list(messages),
            add_generation_prompt=add_generation_prompt,
            tokenize=True,
            return_dict=True,
            **TEMPLATE_SETTINGS,
        )
    except TemplateError as error:
        raise DataError(
            "The base model's chat template refuses the conversation that begins with "
            f"{messages[0]['content'][:_QUOTED]!r}: {first_line(error)}."
        ) from error
    return list(rendered["input_ids"])
