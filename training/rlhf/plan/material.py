"""An update's prompts and answers in tokens, as far as they are known before it starts."""

import itertools
from collections.abc import Sequence
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_prompt, encode_text
from training.rlhf.data.files import Preference
from training.rlhf.plan.update_facts import UpdateFacts
from training.rlhf.plan.workload import Lengths, measure_lengths
from training.rlhf.recipes import Recipe, SamplingRecipe
from training.rlhf.stages.evaluate.workload import Asked
from training.rlhf.stages.reward.comparisons import Example
from training.rlhf.stages.reward.preferences import Examples
from training.rlhf.stages.reward.workload import Pairs

_USUAL_TOKENS = 60  # of an answer, as long as none was seen


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
            lengths = measure_lengths(rows, self.prompts, recipe.max_prompt_tokens)
            return Asked.of(lengths, self.facts.anchors) if recipe.stage == "evaluate" else lengths
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
