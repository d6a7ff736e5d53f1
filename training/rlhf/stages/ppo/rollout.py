"""One rollout of PPO: the policy's answers, their scores by the reward model, and what PPO learns from them.

All answers of a rollout are laid out in one block of token ids (see `model.logprobs`).
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from training.rlhf.distributed.processes import Processes
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.logprobs import Block, lay_out
from training.rlhf.model.reward_head import RewardModel, combine, last_hidden_states
from training.rlhf.model.sampling import Answer, Sampling


def gather_answers(processes: Processes, mine: list[Answer], total: int, how: Sampling) -> list[Answer]:
    """All `total` answers of a batch, of which each process has sampled its share."""
    if processes.count == 1:
        return mine
    longest = how.max_new_tokens
    tokens = processes.gather_lists([answer.tokens for answer in mine], total, longest)
    logprobs = processes.gather_lists([answer.logprobs for answer in mine], total, longest)
    return [
        Answer([int(token) for token in row], of_row, finished=row[-1] in how.stop_ids)
        for row, of_row in zip(tokens, logprobs, strict=True)
    ]


@dataclass(frozen=True)
class Scored:
    """The reward model's scores (B,) of a block, and its hidden state before each token (B, R, H)."""

    scores: Tensor
    features: Tensor


class RewardScorer:
    """Scores answers by the reward model; the hidden states of its first adapter are the value head's input.

    The score is read where the reward stage read it: after `ending`, which the chat template writes after an
    answer. An answer that was cut off is scored as if it had ended there. An ensemble's score is the mean of
    its members' less `uncertainty_penalty` times their variance.
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
    def __call__(self, prompts: list[list[int]], answers: list[Answer]) -> Scored:
        completed = [answer.completed(self.ending) for answer in answers]
        block = lay_out(prompts, completed, self.how.pad_id, self.base.device)
        width = block.longest_answer
        rows = torch.arange(len(completed), device=self.base.device)
        ends = block.ids.shape[1] - width + block.answer_mask.sum(-1) - 1
        longest = max(len(answer.tokens) for answer in answers)
        scores: list[Tensor] = []
        for name, head in zip(self.reward.names, self.reward.heads, strict=True):
            with self.base.use(name) as model:
                hidden = last_hidden_states(model, block.ids, block.mask)
            if not scores:
                features = hidden[:, -width - 1 : -1][:, :longest].float().contiguous()  # (B, R, H)
            scores.append(head(hidden[rows, ends]))
        return Scored(combine(torch.stack(scores), self.uncertainty_penalty), features)


@dataclass(frozen=True)
class Experience:
    """What PPO learns from, all (B, R) unless noted: one rollout or a minibatch of it."""

    block: Block
    features: Tensor  # (B, R, H)
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def rows(self, chosen: Tensor) -> "Experience":
        """Some rows, without the columns that are padding in all of them."""
        block = self.block.rows(chosen)
        width = block.longest_answer
        rest = {each.name: getattr(self, each.name)[chosen, :width] for each in fields(self)[1:]}
        return Experience(block=block, **rest)
