"""Conversations as token ids."""

from pathlib import Path

import pytest

from tests.rlhf.making import GOOD, QUESTIONS, conversation
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.errors import DataError
from training.rlhf.model.loading import load_tokenizer


def test_prompt_answer_and_ending_are_the_tokens_of_the_whole_conversation(llama: Path) -> None:
    tokenizer = load_tokenizer(str(llama))
    for question in QUESTIONS:
        whole = conversation(question, GOOD)
        (prompt,) = chat.encode_prompts(tokenizer, [Prompt("p", whole[:1])], longest=100)
        answer = [*tokenizer.encode(GOOD), tokenizer.eos_token_id]
        assert prompt + answer + chat.ending(tokenizer) == chat.encode_conversation(tokenizer, whole)
        assert chat.decode(tokenizer, answer) == GOOD


def test_a_prompt_that_is_too_long_is_refused_by_its_name(llama: Path) -> None:
    prompts = [
        Prompt("p1", conversation("Hm?", GOOD)[:1]),
        Prompt("p2", conversation("Hm? " * 9, GOOD)[:1]),
    ]
    with pytest.raises(DataError, match=r"prompt p2 has \d+ tokens, more than the 20"):
        chat.encode_prompts(load_tokenizer(str(llama)), prompts, longest=20)
