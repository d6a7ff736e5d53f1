"""What `plan` counts of the reward model's training: the steps of all members, as the run plans them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from torch import Tensor
from transformers import AutoModelForSequenceClassification

from training.rlhf.model.loading import load_tokenizer
from training.rlhf.plan.trainer import TrainerWorkload
from training.rlhf.plan.workload import Lengths, Phase, measure_lengths
from training.rlhf.stages.reward.members import Member, plan_members
from training.rlhf.stages.reward.preferences import Examples, read_examples
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.shared_prefix import can_share, padded_inputs, shared_inputs
from training.rlhf.stages.reward.sources import plan_probe


@dataclass(frozen=True)
class Pairs(Lengths):
    """The pairs that there are, with their token ids."""

    examples: Examples
    pad_id: int

    @classmethod
    def of(cls, examples: Examples, pad_id: int, longest: int) -> Self:
        """The lengths of the pairs that are learned from, none of them longer than so many tokens."""
        learned = examples.learned
        tokens = [len(ids) for each in learned for ids in (each.chosen_ids, each.rejected_ids)]
        seen = measure_lengths(len(learned), tokens, longest)
        return cls(seen.rows, seen.mean, seen.longest, examples, pad_id)


class StageWorkload(TrainerWorkload[RewardRecipe]):
    """Updates on the largest step of the first member."""

    model_class = AutoModelForSequenceClassification
    model_settings = {"num_labels": 1}
    lengths: Pairs

    def read_lengths(self) -> Pairs:
        tokenizer = load_tokenizer(self.location)
        examples = read_examples(self.directory, self.recipe, tokenizer)
        return Pairs.of(examples, int(tokenizer.pad_token_id), self.recipe.max_length)

    @cached_property
    def plans(self) -> list[Member]:
        members = plan_members(self.recipe, self.lengths.examples.learned)
        probe = plan_probe(self.recipe, self.lengths.examples)
        return [*members, *([probe.member] if probe else [])]

    @property
    def members(self) -> int:
        return self.recipe.ensemble_size

    @property
    def steps(self) -> int:
        return sum(len(each.steps) for each in self.plans)

    @property
    def trainable(self) -> int:
        return super().trainable + self.hidden  # peft trains a copy of the score head

    def count_phases(self) -> list[Phase]:
        inputs, share = self.largest_step()
        with self.meta.mode:
            inputs = {name: self.meta.mode.from_tensor(each) for name, each in inputs.items()}
        rows, ends = inputs.pop("rows"), inputs.pop("ends")
        trunk = getattr(self.model, self.model.base_model_prefix)

        def learn() -> None:
            hidden = trunk(**inputs, use_cache=False).last_hidden_state
            hidden[rows, ends].float().sum().backward()

        cost = self.cost(learn, self.learned, learn=True)
        return [Phase("update", self.steps, cost, share, learns=True)]

    def largest_step(self) -> tuple[dict[str, Tensor], float]:
        """The model's inputs at the step of most tokens, and what the mean step reads of it."""
        member, model = self.plans[0], self.model
        tokens = [
            sum(len(ids) for i in step for ids in member.comparisons[i].sequences) for step in member.steps
        ]
        largest = [member.comparisons[i].sequences for i in member.steps[tokens.index(max(tokens))]]
        # A meta model's own attention stands for the one that the run has.
        inputs = (
            shared_inputs(largest, self.lengths.pad_id, model.dtype, self.hidden)
            if can_share(model.config, "sdpa")
            else padded_inputs(largest, self.lengths.pad_id)
        )
        return inputs, sum(tokens) / len(tokens) / max(tokens)
