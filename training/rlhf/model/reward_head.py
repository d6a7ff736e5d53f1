"""Scores of token sequences: a linear head on the last hidden state of the base with a reward adapter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.rlhf.data.padding import pad, positions_of
from training.rlhf.errors import ModelError
from training.rlhf.model.adapters import CONFIG, SharedBase, read_adapter

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


@dataclass(frozen=True)
class RewardModel:
    """One reward adapter on a shared base or an ensemble of them: names of adapters, and their heads."""

    names: tuple[str, ...]
    heads: tuple[ScalarHead, ...]


def load_reward(base: SharedBase, folder: Path, name: str = "reward") -> RewardModel:
    """Add what the reward stage wrote to the base: its adapter, or the members of its ensemble.

    The first adapter is called `name`, the next ones name-1 and so on. A folder holds what peft writes for
    AutoModelForSequenceClassification with the score head in modules_to_save, or member-0/, member-1/ … that
    do. The score of a sequence is the head applied to the last hidden state at its last token, as in
    transformers; the score of an ensemble is the mean of its members'.
    """
    folders = member_folders(folder)
    names = tuple(f"{name}-{number}" if number else name for number in range(len(folders)))
    heads = (_load_member(base, each, called) for each, called in zip(folders, names, strict=True))
    return RewardModel(names, tuple(heads))


def member_folders(folder: Path) -> list[Path]:
    """The folders of the adapters in the reward stage's output: its own, or its members'."""
    if (folder / CONFIG).is_file() or not member_folder(folder, 0).is_dir():
        return [folder]
    return [member_folder(folder, number) for number in range(sum(1 for _ in folder.glob("member-*")))]


def member_folder(folder: Path, number: int) -> Path:
    """Where a member of an ensemble lies in the output of the reward stage."""
    return folder / f"member-{number}"


def _load_member(base: SharedBase, folder: Path, name: str) -> ScalarHead:
    config, weights = read_adapter(folder)
    score = weights.pop(SCORE, None)
    if score is None or score.shape != (1, base.hidden_size):
        raise ModelError(f"The adapter in {folder} has no score head that fits the base model.")
    base.add_from(folder, name, config, weights)
    head = ScalarHead(base.hidden_size)
    head.linear.weight.data.copy_(score)
    return head.requires_grad_(False).to(base.device)


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
    reward: RewardModel,
    sequences: list[list[int]],
    pad_id: int,
    batch_size: int = 64,
    before_batch: Callable[[], None] = lambda: None,
) -> Tensor:
    """The score of each token sequence by each member, (members, N): its head at the last token.

    The scores are on the processor. A sequence is a whole conversation as the reward stage saw it: prompt,
    answer, EOS and the template's ending. Rows of similar length share a batch, which changes no score.
    Raises ModelError as `require_scores`.
    """
    scores = torch.empty(len(reward.names), len(sequences))
    for chosen, ids, mask in _batches(sequences, pad_id, batch_size, base.device):
        for member, (name, head) in enumerate(zip(reward.names, reward.heads, strict=True)):
            before_batch()
            scores[member, chosen] = head(_states_at_ends(base, name, ids, mask)).cpu()
    return require_scores(scores)


@torch.no_grad()
def states_of_sequences(
    base: SharedBase,
    name: str,
    sequences: list[list[int]],
    pad_id: int,
    batch_size: int = 64,
    before_batch: Callable[[], None] = lambda: None,
) -> Tensor:
    """What the head of one reward adapter is given for each sequence, (N, H) on the processor."""
    states = torch.empty(len(sequences), base.hidden_size)
    for chosen, ids, mask in _batches(sequences, pad_id, batch_size, base.device):
        before_batch()
        states[chosen] = _states_at_ends(base, name, ids, mask).float().cpu()
    return states


def _batches(
    sequences: list[list[int]], pad_id: int, batch_size: int, device: torch.device
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Places of sequences of similar length, with their padded token ids and mask, (B, T)."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        ids, mask = (each.to(device) for each in pad([sequences[i] for i in chosen], pad_id))
        yield chosen, ids, mask


def _states_at_ends(base: SharedBase, name: str, ids: Tensor, mask: Tensor) -> Tensor:
    """Last hidden states at the last token of each row, (B, H)."""
    with base.use(name) as model:
        hidden = last_hidden_states(model, ids, mask)
    return hidden[torch.arange(len(ids), device=ids.device), mask.sum(-1) - 1]


def require_scores(scores: Tensor) -> Tensor:
    """The scores; ModelError when some are no numbers."""
    if not scores.isfinite().all():
        raise ModelError("The reward model's scores are no numbers: its adapter or the base is damaged.")
    return scores


def combine(scores: Tensor, uncertainty_penalty: float = 0.0) -> Tensor:
    """The ensemble's reward (N,) from its members' scores (members, N): mean - penalty * variance.

    It is the uncertainty-weighted optimisation of Coste et al. 2023, with the sample variance.
    """
    mean = scores.mean(0)
    if uncertainty_penalty == 0 or len(scores) == 1:
        return mean
    return mean - uncertainty_penalty * scores.var(0)
