"""Which prompts each adapter of a reward model learned from, so that none scores answers to one it knows.

The reward stage writes seen_prompts.json beside its adapter, or beside the members of its ensemble:
{members, prompts: {digest: [numbers of the members that learned from it]}}. A digest is of the
messages without the system's, so a question stays the same under another system prompt.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.rlhf.data.messages import Message
from training.rlhf.errors import ModelError
from training.rlhf.rundir import write_json

SEEN = "seen_prompts.json"


def prompt_digest(messages: Sequence[Message]) -> str:
    rest = [[each["role"], each["content"]] for each in messages if each["role"] != "system"]
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()[:32]


def write_seen(folder: Path, members: Sequence[Collection[str]]) -> None:
    """Write for each member the digests of the prompts that it learned from."""
    prompts: dict[str, list[int]] = {digest: [] for digest in sorted(set().union(*members))}
    for number, digests in enumerate(members):
        for digest in digests:
            prompts[digest].append(number)
    write_json(folder / SEEN, {"members": len(members), "prompts": prompts})


def read_unseen(folder: Path, prompts: Sequence[Sequence[Message]], members: int) -> Tensor | None:
    """Which members never learned from these prompts, (members, N) of bool; None without the file.

    Raises ModelError when the file is damaged or is of another number of members.
    """
    try:
        stored = json.loads((folder / SEEN).read_text(encoding="utf-8"))
        seen = _checked(stored, members)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{SEEN} of the reward model in {folder} is damaged: run the stage again."
        ) from error
    unseen = torch.ones(members, len(prompts), dtype=torch.bool)
    for column, messages in enumerate(prompts):
        unseen[seen.get(prompt_digest(messages), []), column] = False
    return unseen


def mean_of_unseen(scores: Tensor, unseen: Tensor) -> Tensor:
    """Mean (N,) of scores (members, N) over the members to which each is unseen, or all if to none."""
    counted = (unseen | ~unseen.any(0)).to(scores.dtype)
    return (scores * counted).sum(0) / counted.sum(0)


def _checked(stored: Any, members: int) -> dict[str, list[int]]:
    """The members by digest; one of the errors above when the file cannot be right."""
    numbers = {number for seen in stored["prompts"].values() for number in seen}
    if stored["members"] != members or not numbers <= set(range(members)):
        raise ValueError
    return dict(stored["prompts"])
