"""The messages of a dataset's row, in whichever of TRL's formats it is.

    conversational   prompt, chosen, rejected and completion are lists of messages
    standard         they are texts: the prompt the user's message, the others the assistant's
    implicit prompt  without a prompt, chosen and rejected are whole conversations that begin alike

Answers that repeat messages of the prompt before their own, as in UltraFeedback, are taken without them. A
text is taken as it is, because an answer may well begin with the words of a short prompt.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from training.rlhf.errors import DataError

Message = dict[str, str]
ROLES = ("system", "user", "assistant")
# As in hh-rlhf, whose conversations are texts.
_TURN = re.compile(r"\n\n(Human|Assistant): ")
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}


def read_prompt(row: dict[str, Any], where: str) -> list[Message]:
    """The prompt, whose last message is the user's."""
    return _messages(row, "prompt", where, role="user")


def read_conversation(row: dict[str, Any], where: str) -> list[Message]:
    """The messages of a whole conversation; the last one is the assistant's."""
    if isinstance(row.get("messages"), str):
        raise DataError(f"{where}: messages must be a list of messages.")
    return _messages(row, "messages", where, role="assistant")


def read_completions(
    row: dict[str, Any], *sides: str, where: str
) -> tuple[list[Message], list[list[Message]]]:
    """The prompt, and the messages that each side of a row (chosen, rejected; completion) has after it."""
    if row.get("prompt") is None and len(sides) > 1:
        conversations = [_conversation(row, side, where) for side in sides]
        prompt = _shared_prompt(conversations, where)
        answers = [each[len(prompt) :] for each in conversations]
    else:
        prompt = read_prompt(row, where)
        answers = [_without(prompt, _messages(row, side, where, role="assistant")) for side in sides]
    for side, answer in zip(sides, answers, strict=True):
        if (role := answer[0]["role"]) != "assistant":
            raise DataError(f"{where}: {side} begins with a message of the {role} that the prompt has not.")
    return prompt, answers


def _without(prompt: list[Message], answer: list[Message]) -> list[Message]:
    """The answer without the messages that it repeats of the prompt's end: all of them, or the last ones."""
    for start in range(len(prompt)):
        repeated = len(prompt) - start
        if answer[:repeated] == prompt[start:]:
            return answer[repeated:]
    return answer


def _shared_prompt(conversations: Sequence[list[Message]], where: str) -> list[Message]:
    """What the conversations have in common at their beginning, up to a message of the user."""
    columns = zip(*(each[:-1] for each in conversations), strict=False)
    alike = takewhile(lambda column: all(message == column[0] for message in column), columns)
    shared = [column[0] for column in alike]
    while shared and shared[-1]["role"] != "user":
        shared.pop()
    if not shared:
        raise DataError(f"{where}: prompt is missing, and the conversations have no beginning in common.")
    return shared


def _conversation(row: dict[str, Any], side: str, where: str) -> list[Message]:
    """A side that is a whole conversation; a text must be written as hh-rlhf's are."""
    value = row.get(side)
    if not isinstance(value, str):
        return _messages(row, side, where, role="assistant")
    before, *turns = _TURN.split(value)
    if before.strip() or not turns:
        raise DataError(f"{where}: prompt is missing, and {side} is no conversation.")
    roles = [_SPEAKERS[name] for name in turns[::2]]
    messages = [
        {"role": role, "content": content.strip()} for role, content in zip(roles, turns[1::2], strict=True)
    ]
    return _messages({side: messages}, side, where, role="assistant")


def _messages(row: dict[str, Any], key: str, where: str, *, role: str) -> list[Message]:
    """The messages, the last of this role; a text is one message of it."""
    value = row.get(key)
    if isinstance(value, str) and value.strip():
        value = [{"role": role, "content": value.strip()}]
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: {key} must be a list of messages or a text.")
    messages = []
    for message in value:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise DataError(f"{where}: each message of {key} needs a role among {', '.join(ROLES)}.")
        content = message.get("content")
        if not isinstance(content, str) or not is_unicode(content):
            raise DataError(f"{where}: each message of {key} needs its content as text.")
        messages.append({"role": message["role"], "content": content})
    if messages[-1]["role"] != role:
        raise DataError(f"{where}: the last message of {key} must be the {role}'s.")
    return messages


def is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON admits and no tokenizer does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
