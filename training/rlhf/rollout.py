"""One rollout of PPO: answers of the policy, what the reward model thinks of them, and what the reference
says.

All answers of a rollout are laid out in one block of token ids, (B, P + R): prompts padded on the left to P,
answers on the right to R, so that every answer begins in the same column.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.rlhf.adapters import SharedBase
from training.rlhf.padding import pad, positions_of
from training.rlhf.sampling import Answer, Sampling
from training.rlhf.scoring import RewardModel, combine, last_hidden_states


@dataclass(frozen=True)
class Block:
    """Prompts and answers as tensors: ids and mask (B, P + R), answer_mask (B, R)."""

    ids: Tensor
    mask: Tensor
    answer_mask: Tensor

    @property
    def longest_answer(self) -> int:
        return self.answer_mask.shape[1]

    @property
    def answers(self) -> Tensor:
        """Token ids of the answers (B, R)."""
        return self.ids[:, -self.longest_answer :]

    def rows(self, chosen: Tensor) -> "Block":
        """Some rows, without the columns of prompts that are padding in all of them; R stays."""
        mask = self.mask[chosen]
        first = int((mask.sum(0) > 0).nonzero()[0])
        return Block(self.ids[chosen, first:], mask[:, first:], self.answer_mask[chosen])


def lay_out(prompts: list[list[int]], answers: list[list[int]], pad_id: int) -> Block:
    """The block of these prompts and answers (token ids)."""
    prompt_ids, prompt_mask = pad(prompts, pad_id, left=True)
    answer_ids, answer_mask = pad(answers, pad_id)
    return Block(
        torch.cat([prompt_ids, answer_ids], dim=1),
        torch.cat([prompt_mask, answer_mask], dim=1),
        answer_mask.bool(),
    )


def answer_logprobs(model: PreTrainedModel, block: Block, temperature: float) -> Tensor:
    """Log-probability of every answer token under the model, (B, R), zero outside the answers."""
    logits = model(
        input_ids=block.ids,
        attention_mask=block.mask,
        position_ids=positions_of(block.mask),
        logits_to_keep=block.longest_answer + 1,
        use_cache=False,
    ).logits[:, :-1]  # (B, R, V): what is said before each answer token
    logprobs = (logits.float() / temperature).log_softmax(-1)
    chosen = logprobs.gather(-1, block.answers.unsqueeze(-1)).squeeze(-1)
    return torch.where(block.answer_mask, chosen, 0.0)


@dataclass(frozen=True)
class Judgement:
    """The reward model's view of a block: scores (B,), and its hidden state before each token (B, R, H)."""

    scores: Tensor
    features: Tensor


class Judge:
    """The reward model; the features its first adapter gives are what the value head reads.

    The score is read where the reward stage read it: after EOS and the chat template's ending. An answer cut
    off before its EOS is scored as if it had ended there. An ensemble's score is the mean of its members'
    less `uncertainty_penalty` times their variance.
    """

    def __init__(
        self,
        base: SharedBase,
        reward: RewardModel,
        how: Sampling,
        ending: list[int],
        uncertainty_penalty: float = 0.0,
    ) -> None:
        self.base, self.reward, self.how, self.ending = base, reward, how, ending
        self.uncertainty_penalty = uncertainty_penalty

    @torch.no_grad()
    def __call__(self, prompts: list[list[int]], answers: list[Answer]) -> Judgement:
        completed = [answer.completed(self.how.eos_id) + self.ending for answer in answers]
        block = lay_out(prompts, completed, self.how.pad_id)
        width = block.longest_answer
        lengths = torch.tensor([len(tokens) for tokens in completed])
        ends = block.ids.shape[1] - width + lengths - 1
        longest = max(len(answer.tokens) for answer in answers)
        scores: list[Tensor] = []
        for name, head in zip(self.reward.names, self.reward.heads, strict=True):
            with self.base.use(name) as model:
                hidden = last_hidden_states(model, block.ids, block.mask)
            if not scores:
                features = hidden[:, -width - 1 : -1][:, :longest].float().contiguous()  # (B, R, H)
            scores.append(head(hidden[torch.arange(len(completed)), ends]))
        return Judgement(combine(torch.stack(scores), self.uncertainty_penalty), features)


@dataclass(frozen=True)
class Experience:
    """What PPO learns from, all (B, R) unless said: one rollout or a minibatch of it."""

    block: Block
    features: Tensor  # (B, R, H)
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def rows(self, chosen: Tensor) -> "Experience":
        rest = {each.name: getattr(self, each.name)[chosen] for each in fields(self)[1:]}
        return Experience(block=self.block.rows(chosen), **rest)
