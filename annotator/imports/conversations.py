"""Conversations that a file writes out as one text; no database here.

| written as                                                   | then    |
|--------------------------------------------------------------|---------|
| messages in JSON, or as Python prints them                   | read    |
| ChatML: `<|im_start|>user ...<|im_end|>`                     | read    |
| `Human: ... Assistant: ...`, as in Anthropic's HH-RLHF       | read    |
| another chat template's marks, or one of these that is torn  | refused |
| anything else                                                | a text  |
"""

import ast
import re
from typing import Any

from django.utils.translation import gettext as _

from annotator.imports.file_formats import BadRecordError
from annotator.text.strict_json import BadJSONError, load_any_json

_PYTHON_TEXT = re.compile(r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\"""", re.DOTALL)

TEXTS_OF_MESSAGE = 6
"""Names and values of a message that Python printed, at most."""

_LIST_OF_MESSAGES = re.compile(r"""\s*(array\()?\s*[\[{].{0,200}?['"](role|from)['"]\s*:""", re.DOTALL)
_CHATML = re.compile(r"<\|im_start\|>[ \t]*(\w+)[ \t]*\r?\n?(.*?)(?:<\|im_end\|>\s*|\Z)", re.DOTALL)
_OTHER_TEMPLATE = re.compile(
    r"\s*(?:<s>|<bos>|<\|begin_of_text\|>)?\s*"
    r"(\[INST\]|<<SYS>>|<start_of_turn>|<\|start_header_id\|>|<\|(?:system|user|assistant)\|>|<\|im_end\|>)"
)
_SPEAKER = re.compile(r"^[ \t]*(System|Human|User|Assistant):[ \t]*", re.MULTILINE)
_ROLES = {"System": "system", "Human": "user", "User": "user", "Assistant": "assistant"}

Messages = list[Any]


def conversation_in(text: str) -> Messages | None:
    """The messages that a text writes out, not checked yet; None if it is simply a text.

    Raises BadRecordError if it is begun like a conversation and cannot be read as one.
    """
    if text.lstrip().startswith(("[", "{", "array(")):
        return _from_data(text)
    if text.lstrip().startswith("<|im_start|>"):
        return _from_chatml(text)
    if mark := _OTHER_TEMPLATE.match(text):
        raise BadRecordError(
            _("it begins with a chat template's %(mark)s; give the conversation as messages")
            % {"mark": mark[1]}
        )
    return _from_transcript(text)


def _from_data(text: str) -> Messages | None:
    try:
        value = load_any_json(text)
    except BadJSONError as bad:
        if not _LIST_OF_MESSAGES.match(text):
            return None
        value = _from_python(text, str(bad))
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    messages = value if isinstance(value, list) else [value]
    if messages and all(isinstance(one, dict) and "role" in one for one in messages):
        return messages
    if _LIST_OF_MESSAGES.match(text):
        raise BadRecordError(_("it begins like a list of messages, but each needs a role and a content"))
    return None


def _from_python(text: str, reason: str) -> Any:
    try:
        if not _is_cheap(text):
            raise ValueError
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise BadRecordError(
            _("it begins like a list of messages but cannot be read as one: %(reason)s") % {"reason": reason}
        ) from None


def _is_cheap(text: str) -> bool:
    """Whether it is little else than the texts of messages: Python's parser is slow with all but texts."""
    rest, texts = _PYTHON_TEXT.subn("", text)
    return texts <= TEXTS_OF_MESSAGE * text.count("role") and len("".join(rest.split())) <= 20 + 3 * texts


def _from_chatml(text: str) -> Messages:
    messages = []
    place = len(text) - len(text.lstrip())
    while place < len(text):
        turn = _CHATML.match(text, place)
        if turn is None or "<|im_start|>" in turn[2]:
            raise BadRecordError(_("it begins as ChatML but is not valid ChatML; give it as messages"))
        messages.append({"role": turn[1], "content": turn[2]})
        place = turn.end()
    return _without_open_turn(messages)


def _from_transcript(text: str) -> Messages | None:
    text = text.strip()
    if not _SPEAKER.match(text):
        return None
    turns = list(_SPEAKER.finditer(text))
    speakers = {turn[1] for turn in turns}
    if "Human" not in speakers and not {"User", "Assistant"} <= speakers:
        return None
    ends = [turn.start() for turn in turns[1:]] + [len(text)]
    messages = [
        {"role": _ROLES[turn[1]], "content": text[turn.end() : end].strip()}
        for turn, end in zip(turns, ends, strict=True)
    ]
    return _without_open_turn(messages)


def _without_open_turn(messages: Messages) -> Messages:
    """The messages without an empty last one of the assistant, which only asks a model to go on."""
    last = messages[-1]
    is_open = last["role"] == "assistant" and not last["content"].strip()
    return messages[:-1] if is_open and len(messages) > 1 else messages
