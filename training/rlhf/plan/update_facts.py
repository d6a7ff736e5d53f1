"""What is known of an update before it starts: how much it has to learn from, and how long that is."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_prompt, encode_text
from training.rlhf.data.files import Preference
from training.rlhf.data.messages import Message
from training.rlhf.errors import RecipeError
from training.rlhf.plan.workload import Lengths, measure_lengths
from training.rlhf.recipes import Recipe, SamplingRecipe
from training.rlhf.stages.reward.comparisons import Example
from training.rlhf.stages.reward.preferences import Examples
from training.rlhf.stages.reward.workload import Pairs

_USUAL_TOKENS = 60  # of an answer, as long as none was seen


@dataclass(frozen=True, kw_only=True)
class UpdateFacts:
    """An update as its file says it (JSON, these keys).

    `settings` are what people chose, by stage; `prompts` and `answers` some of those that there are, for
    their lengths; `policy_adapter` is the live version's. `rows` counts the prompts that the stages ppo,
    generate and evaluate are given. `pace` says by stage how many times as long as planned an earlier update
    took.
    """

    base_model: str
    seconds: float
    settings: dict[str, dict[str, Any]]
    rows: dict[str, int]
    pairs: int
    comparisons: int
    completions_per_prompt: int
    policy_adapter: str | None = None
    prompts: list[list[Message]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    pace: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "UpdateFacts":
        """The facts in a file; RecipeError when it has not these keys."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            keys = ", ".join(each.name for each in fields(cls))
            raise RecipeError(f"{path} does not describe an update by {keys}: {error}.") from error


class Material:
    """The lengths of an update's prompts and answers in tokens of the base."""

    def __init__(self, facts: UpdateFacts, tokenizer: PreTrainedTokenizerBase) -> None:
        self.facts, self.pad_id = facts, int(tokenizer.pad_token_id)
        self.prompts = [len(encode_prompt(tokenizer, each)) for each in facts.prompts] or [_USUAL_TOKENS]
        self.answers = sorted(len(encode_text(tokenizer, each)) for each in facts.answers)

    def longest_answer(self, share: float) -> int | None:
        """The tokens that so large a share of the answers have at most; None when none was seen."""
        return self.answers[int(share * (len(self.answers) - 1))] if self.answers else None

    @property
    def longest_conversation(self) -> int:
        return max(self.prompts) + max(self.answers or [_USUAL_TOKENS])

    def lengths(self, recipe: Recipe) -> Lengths:
        """The rows of a stage and their lengths."""
        if isinstance(recipe, SamplingRecipe):
            rows = self.facts.rows[recipe.stage]
            return measure_lengths(rows, self.prompts, recipe.max_prompt_tokens)
        return Pairs.of(Examples(self._pairs, [], 0), self.pad_id, vars(recipe)["max_length"])

    @cached_property
    def _pairs(self) -> list[Example]:
        """As many pairs as there are, in as many comparisons, of texts that are as long and say nothing."""
        comparisons = max(1, self.facts.comparisons)
        prompts, answers = _over(self.prompts), _over(self.answers or [_USUAL_TOKENS])
        made: list[Example] = []
        for number in range(comparisons):
            count = self.facts.pairs * (number + 1) // comparisons - len(made)
            prompt, size = (0,) * next(prompts), 2
            while size * (size - 1) // 2 < count:
                size += 1
            texts = [prompt + (place,) * next(answers) for place in range(1, size + 1)]
            of = Preference(str(number), [], [], [], 1.0, "train", comparison_id=str(number))
            pairs = itertools.islice(itertools.combinations(texts, 2), count)
            made += [Example(of, chosen, rejected) for chosen, rejected in pairs]
        return made


def _over(lengths: Sequence[int]) -> "itertools.cycle[int]":
    return itertools.cycle(lengths)
