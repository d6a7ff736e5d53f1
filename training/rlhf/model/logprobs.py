"""Log-probabilities of answers under a model.

All answers of a batch are laid out in one block of token ids, (B, P + R): prompts padded on the left to P,
answers on the right to R, so that every answer begins in the same column.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

from training.rlhf.data.padding import pad, positions_of


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
        """Some rows, without the columns that are padding in all of them."""
        used = self.mask[chosen].any(0).nonzero()
        first, last = int(used[0]), int(used[-1]) + 1
        width = last - (self.mask.shape[1] - self.longest_answer)
        return Block(
            self.ids[chosen, first:last], self.mask[chosen, first:last], self.answer_mask[chosen, :width]
        )

    def split(self, rows: int) -> list["Block"]:
        """Parts of so many rows, all as wide as the whole."""
        parts = (each.split(rows) for each in (self.ids, self.mask, self.answer_mask))
        return [Block(*part) for part in zip(*parts, strict=True)]


def lay_out(
    prompts: list[list[int]], answers: list[list[int]], pad_id: int, device: torch.device | str = "cpu"
) -> Block:
    """The block of these prompts and answers (token ids); what follows from it is on its device."""
    prompt_ids, prompt_mask = (each.to(device) for each in pad(prompts, pad_id, left=True))
    answer_ids, answer_mask = (each.to(device) for each in pad(answers, pad_id))
    return Block(
        torch.cat([prompt_ids, answer_ids], dim=1),
        torch.cat([prompt_mask, answer_mask], dim=1),
        answer_mask.bool(),
    )


def answer_logprobs(model: PreTrainedModel, block: Block, temperature: float) -> Tensor:
    """Log-probability of every answer token under the model, (B, R), zero outside the answers."""
    width, length = block.ids.shape[1], block.longest_answer
    # The positions before each answer token.
    before = torch.arange(width - length - 1, width - 1, device=block.ids.device)
    logits = model(
        input_ids=block.ids,
        attention_mask=block.mask,
        position_ids=positions_of(block.mask),
        logits_to_keep=before,
        use_cache=False,
    ).logits  # (B, R, V)
    logprobs = _ChosenLogprobs.apply(logits.float(), block.answers, temperature)
    return torch.where(block.answer_mask, logprobs, 0.0)


class _ChosenLogprobs(torch.autograd.Function):
    """Log-softmax of logits (B, R, V) over a temperature, at the chosen tokens (B, R).

    Works in the memory of the logits, which are the largest tensor of an update and of no use afterwards.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, chosen: Tensor, temperature: float) -> Tensor:
        logprobs = torch.log_softmax(logits.div_(temperature), -1, out=logits)
        ctx.save_for_backward(chosen)
        ctx.logprobs, ctx.temperature = logprobs, temperature
        return logprobs.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (chosen,) = ctx.saved_tensors
        scaled = (gradient / ctx.temperature).unsqueeze(-1)  # (B, R, 1)
        logprobs, ctx.logprobs = ctx.logprobs, None  # or they would live as long as the loss
        to_logits = logprobs.exp_().mul_(-scaled)
        to_logits.scatter_add_(-1, chosen.unsqueeze(-1), scaled)
        return to_logits, None, None
