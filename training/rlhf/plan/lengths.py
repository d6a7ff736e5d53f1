"""How much a stage has to read: rows of its dataset and tokens of its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.rlhf.data import chat
from training.rlhf.data.files import TRAIN, Preference, read_conversations, read_preferences, read_prompts
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.recipes import Recipe, SamplingRecipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe

_ROWS_MEASURED = 300


@dataclass(frozen=True)
class Lengths:
    """Rows that a stage works on, and tokens of its inputs: the mean and the longest of those looked at."""

    rows: int
    mean: float
    longest: int


def lengths_of(directory: RunDirectory, recipe: Recipe, location: str) -> Lengths:
    """Read the dataset as the stage does and measure some rows spread over it."""
    tokenizer = load_tokenizer(location)
    if isinstance(recipe, SamplingRecipe):
        prompts = read_prompts(directory, recipe.dataset)
        encoded = chat.encode_prompts(tokenizer, _spread(prompts), longest=recipe.max_prompt_tokens)
        return _lengths(len(prompts), [len(ids) for ids in encoded], recipe.max_prompt_tokens)
    if isinstance(recipe, RewardRecipe):
        pairs = [each for each in read_preferences(directory, recipe.dataset) if each.split == TRAIN]
        lengths = [len(chat.encode_conversation(tokenizer, each)) for each in _conversations(_spread(pairs))]
        return _lengths(len(pairs), lengths, recipe.max_length)
    assert isinstance(recipe, SFTRecipe)
    conversations = read_conversations(directory, recipe.dataset)
    lengths = [len(chat.encode_conversation(tokenizer, each)) for each in _spread(conversations)]
    return _lengths(len(conversations), lengths, recipe.max_length)


def _spread(rows: Sequence[Any]) -> Sequence[Any]:
    return rows[:: max(1, len(rows) // _ROWS_MEASURED)]


def _conversations(pairs: Sequence[Preference]) -> list[Any]:
    return [each.prompt + answer for each in pairs for answer in (each.chosen, each.rejected)]


def _lengths(rows: int, lengths: list[int], limit: int) -> Lengths:
    fitting = [min(length, limit) for length in lengths] or [limit]
    return Lengths(rows, sum(fitting) / len(fitting), max(fitting))
