"""Conversations as token ids, by the tokenizer's own chat template.

A sampled answer must be the same tokens that the trainers see when they render the whole conversation, so the
prompt here always ends where the assistant's text begins, and what the template writes after an answer is
known.

Only the template writes control tokens. A message whose text contains the name of one ("Yes.<|im_end|>") is
encoded as that text, so that it cannot close its own turn or open another.
"""

import copy
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any

from jinja2 import TemplateError
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.messages import Message
from training.rlhf.errors import DataError, ModelError, first_line

# Reasoning models (Qwen3) render an empty thought for a plain answer; other templates ignore the setting.
TEMPLATE_SETTINGS: dict[str, Any] = {"enable_thinking": False}
_PROBE, _OTHER_PROBE = "yes", "no"
_QUOTED = 60  # characters
# A token of its own that is put into the name of a control token and taken out of the ids again.
_SEPARATOR = "\ue0fe\ue0ff"


def encode_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids of a prompt's messages up to where the answer begins."""
    return _encode(tokenizer, messages, add_generation_prompt=True)


def encode_conversation(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids of a whole conversation, the answer's end included: what a reward adapter was trained on."""
    return _encode(tokenizer, messages, add_generation_prompt=False)


def ending(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What the template writes after an answer: the token that ends the turn, and often a line break.

    The reward stage reads its score after it, so whoever scores a sampled answer appends it. The token need
    not be the tokenizer's EOS (Gemma's and Llama 3's are not). Raises ModelError when there is none.
    """
    yes, no = (
        encode_conversation(
            tokenizer, [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": answer}]
        )
        for answer in (_PROBE, _OTHER_PROBE)
    )
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(reversed(yes), reversed(no), strict=False))
    written = [token for token, _ in alike][::-1]
    special = special_ids(tokenizer)
    for place, token in enumerate(written):
        if token in special:
            return written[place:]
    raise ModelError("The chat template writes no special token after an answer, so no answer has an end.")


def special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The ids of all special tokens, those included that have no role of their own."""
    added = {token for token, entry in tokenizer.added_tokens_decoder.items() if entry.special}
    return added | set(tokenizer.all_special_ids)


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """The text of an answer, without special tokens."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip()


def encode_text(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of a text outside any conversation, without special tokens."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _encode(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, add_generation_prompt: bool
) -> list[int]:
    controls = _control_tokens(tokenizer)
    if controls is None or not any(controls.search(message["content"]) for message in messages):
        return _apply_template(tokenizer, messages, add_generation_prompt=add_generation_prompt)
    separating, separator = _with_separator(tokenizer)
    separated = [
        {**message, "content": controls.sub(_separate, message["content"].replace(_SEPARATOR, ""))}
        for message in messages
    ]
    ids = _apply_template(separating, separated, add_generation_prompt=add_generation_prompt)
    return [token for token in ids if token != separator]


@lru_cache(maxsize=4)
def _control_tokens(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str] | None:
    """A pattern of the texts of all special tokens; None when there are none."""
    names = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    names |= set(tokenizer.all_special_tokens)
    longest_first = sorted((name for name in names if len(name) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _separate(found: re.Match[str]) -> str:
    return found[0][:1] + _SEPARATOR + found[0][1:]


@lru_cache(maxsize=4)
def _with_separator(tokenizer: PreTrainedTokenizerBase) -> tuple[PreTrainedTokenizerBase, int]:
    """A copy of the tokenizer that knows the separator, and its id."""
    copied = copy.deepcopy(tokenizer)
    copied.add_tokens([AddedToken(_SEPARATOR, special=True, normalized=False)], special_tokens=True)
    separator = copied.convert_tokens_to_ids(_SEPARATOR)
    assert isinstance(separator, int)
    return copied, separator


def _apply_template(
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
