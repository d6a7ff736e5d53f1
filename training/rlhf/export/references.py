"""What transformers answers greedily to a few prompts, by which a server of the exported files is checked.

An answer is kept up to where two tokens are almost equally likely: there, the rounding of another program may
decide otherwise without being wrong.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.rlhf.data import chat
from training.rlhf.data.messages import Message

QUESTIONS = (
    "Hello! Who are you?",
    "Why is the sky blue?",
    "What can I do about the climate?",
    "Name three colours.",
    "Is rain good?",
    "Write a short poem about the sea.",
    "¿Qué es el hielo? 👋",
    "2 + 2 = 4. What is 3 + 3?",
)
LONGEST = 24
"""Tokens of an answer."""
DECIDED = 0.2
"""Nats by which a token must be likelier than the next; a base in 16 bits moves them by a tenth of it."""


@dataclass(frozen=True)
class Reference:
    """The beginning of a greedy answer, or all of it when it is finished."""

    messages: list[Message]
    answer: str
    finished: bool


def make_references(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, stop_ids: tuple[int, ...]
) -> list[Reference]:
    """A reference for each question to which the first token of the answer is clear."""
    asked: list[list[Message]] = [[{"role": "user", "content": question}] for question in QUESTIONS]
    made = (_reference(model, tokenizer, messages, stop_ids) for messages in asked)
    return [reference for reference in made if reference.answer or reference.finished]


@torch.inference_mode()
def _reference(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    messages: list[Message],
    stop_ids: tuple[int, ...],
) -> Reference:
    ids = torch.tensor([chat.encode_prompt(tokenizer, messages)])
    tokens: list[int] = []
    cache, finished = None, False
    while len(tokens) < LONGEST:
        out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        (first, second), (token, _) = (each.tolist() for each in out.logits[0, -1].float().topk(2))
        if first - second < DECIDED:
            break
        if token in stop_ids:
            finished = True
            break
        tokens.append(token)
        ids = torch.tensor([[token]])
    # A character of several tokens may have been cut in two.
    text = chat.decode(tokenizer, tokens).rstrip("\ufffd")
    return Reference(messages, text, finished)
