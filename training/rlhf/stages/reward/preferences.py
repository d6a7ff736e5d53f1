"""Reading the preferences of a run: what is learned from, what is held out, and what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from training.rlhf.data.files import TRAIN, Preference, read_preferences
from training.rlhf.data.messages import Message
from training.rlhf.errors import DataError
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward.comparisons import Example, encode_preferences
from training.rlhf.stages.reward.recipe import RewardRecipe

HELD_OUT = "held_out"


@dataclass(frozen=True)
class Examples:
    """The pairs that fit in `max_length`, and how many do not."""

    learned: list[Example]
    held_out: list[Example]
    overlong: int


def read_examples(
    directory: RunDirectory, recipe: RewardRecipe, tokenizer: PreTrainedTokenizerBase
) -> Examples:
    """The pairs of a run with their token ids.

    Held out are the rows of recipe.held_out and those of the dataset whose split is not train. DataError when
    a prompt is both learned from and held out, or when there are too few pairs.
    """
    preferences = _read(directory, recipe)
    _refuse_leak(preferences)
    encoded = encode_preferences(tokenizer, preferences)
    fitting = [each for each in encoded if each.longest <= recipe.max_length]
    learned = [each for each in fitting if each.preference.split == TRAIN and each.preference.weight > 0]
    held_out = [each for each in fitting if each.preference.split != TRAIN]
    overlong = len(encoded) - len(fitting)
    _require_enough(recipe, len(learned), overlong=overlong, held_out=len(held_out))
    return Examples(learned, held_out, overlong)


def _read(directory: RunDirectory, recipe: RewardRecipe) -> list[Preference]:
    preferences = read_preferences(directory, recipe.dataset)
    if recipe.held_out:
        more = read_preferences(directory, recipe.held_out)
        preferences += [replace(preference, split=HELD_OUT) for preference in more]
    if not recipe.soft_labels:
        return preferences
    return [
        each if each.consensus is None else replace(each, probability=each.consensus, weight=1.0)
        for each in preferences
    ]


def _refuse_leak(preferences: Sequence[Preference]) -> None:
    """Raise DataError when a prompt is both learned from and held out: the accuracy would mean nothing."""
    learned = {_content(each.prompt) for each in preferences if each.split == TRAIN}
    for each in preferences:
        if each.split != TRAIN and _content(each.prompt) in learned:
            raise DataError(
                f"The prompt {each.prompt_id} is among the training rows and among the held-out ones: "
                "leave it out of one of them."
            )


def _content(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((message["role"], message["content"]) for message in messages)


def _require_enough(recipe: RewardRecipe, pairs: int, *, overlong: int, held_out: int) -> None:
    """Raise DataError unless there are pairs to learn from, as many as the recipe wants."""
    if pairs >= recipe.min_pairs:
        return
    others = [f"{overlong} more are longer than {recipe.max_length} tokens"] if overlong else []
    others += [f"{held_out} more are held out, for their split is not {TRAIN}"] if held_out else []
    others_too = f" ({', '.join(others)})" if others else ""
    raise DataError(
        f"The dataset has {pairs} training pairs{others_too}, and a reward model needs at least "
        f"{recipe.min_pairs}: collect more judgments."
    )
