"""Scores of token sequences: a linear head on the base's last hidden state, read through an adapter."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.rlhf.adapters import SharedBase, read_adapter
from training.rlhf.errors import ModelError
from training.rlhf.padding import pad, positions_of

SCORE = "base_model.model.score.weight"  # as peft names the head of AutoModelForSequenceClassification


class ScalarHead(nn.Module):
    """A linear map from a hidden state to one number: (…, H) to (…)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden.float()).squeeze(-1)


def load_reward(base: SharedBase, folder: Path, name: str = "reward") -> ScalarHead:
    """Add the reward stage's adapter to the base and give its score head.

    The folder is what peft writes for AutoModelForSequenceClassification with the score head in
    modules_to_save. The score of a sequence is the head applied to the last hidden state at its last token,
    as in transformers.
    """
    config, weights = read_adapter(folder)
    score = weights.pop(SCORE, None)
    if score is None or score.shape != (1, base.hidden_size):
        raise ModelError(f"The adapter in {folder} has no score head that fits the base model.")
    base.add(name, config, weights)
    head = ScalarHead(base.hidden_size)
    head.linear.weight.data.copy_(score)
    return head.requires_grad_(False)


def last_hidden_states(model: PreTrainedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Hidden states after the last layer's norm, (B, T, H), for padded token ids and their mask, (B, T)."""
    trunk = getattr(model, model.base_model_prefix)
    positions = positions_of(mask)
    return trunk(
        input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
    ).last_hidden_state


@torch.no_grad()
def score_sequences(
    base: SharedBase,
    adapter: str,
    head: ScalarHead,
    sequences: list[list[int]],
    pad_id: int,
    batch_size: int = 64,
    before_batch: Callable[[], None] = lambda: None,
) -> Tensor:
    """The reward of each token sequence, (N,): the head at its last token.

    A sequence is a whole conversation as the reward stage saw it: prompt, answer, EOS and the template's
    ending. Rows of similar length share a batch, which changes no score.
    """
    scores = torch.empty(len(sequences))
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    with base.use(adapter) as model:
        for start in range(0, len(order), batch_size):
            before_batch()
            chosen = order[start : start + batch_size]
            ids, mask = pad([sequences[i] for i in chosen], pad_id)
            hidden = last_hidden_states(model, ids, mask)
            last = hidden[torch.arange(len(chosen)), mask.sum(-1) - 1]
            scores[chosen] = head(last)
    return scores
