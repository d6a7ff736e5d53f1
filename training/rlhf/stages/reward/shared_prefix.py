"""Sequences with a common prefix in one row, so that the prefix is computed once.

The answers to one prompt stand in one row behind it, each at the positions it would have alone. A token
sees what comes before it in its own sequence: the prompt, but no other answer. Several such trees share a
row while they fit, so that next to nothing is padding. Hidden states are those of the sequences one by one,
up to the order of floating-point sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from training.rlhf.data.padding import pad

_TESTED = ("llama", "qwen3")

Ids = Sequence[int]


@dataclass(frozen=True)
class _Tree:
    """A beginning and what follows it in each of some sequences, named by their numbers."""

    prefix: Ids
    branches: list[tuple[int, Ids]]

    @property
    def size(self) -> int:
        return len(self.prefix) + sum(len(ids) for _, ids in self.branches)


def can_share(config: PreTrainedConfig, attention: str | None = None) -> bool:
    """Whether a model's attention obeys a mask of every two tokens: tested kinds without a window.

    `attention` is the implementation, by default the one of the configuration.
    """
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    return (
        config.model_type in _TESTED
        and layers == {"full_attention"}
        and (attention or config._attn_implementation) in ("sdpa", "eager")
    )


def shared_inputs(
    groups: Sequence[Sequence[Ids]], pad_id: int, dtype: torch.dtype, widest: int
) -> dict[str, Tensor]:
    """The model's inputs for groups of sequences, each group with a common beginning.

    Gives input_ids and position_ids (R, L), attention_mask (R, 1, L, L), which is added to attention scores
    of `dtype`, and the row and column of each sequence's last token, `rows` and `ends` (N,), N in all. A tree
    is cut before it is wider than `widest` tokens. Attention in a row of L tokens costs L / (6 H) of what the
    rest of a layer does, H the hidden size: a sixth at H tokens, well below what sharing saves.
    """
    trees = []
    number = 0
    for group in groups:
        trees += _grow(group, number, widest)
        number += len(group)
    packed = _pack(trees)
    width = max(sum(tree.size for tree in row) for row in packed)
    ids, positions, tree_of, branch_of = torch.zeros((4, len(packed), width), dtype=torch.long)
    ids.fill_(pad_id)
    rows, ends = torch.zeros((2, number), dtype=torch.long)
    for r, row in enumerate(packed):
        column = 0
        for t, tree in enumerate(row, start=1):
            for branch, (sequence, part) in enumerate([(-1, tree.prefix), *tree.branches]):
                where = slice(column, column + len(part))
                first = len(tree.prefix) if branch else 0
                ids[r, where] = torch.tensor(part)
                positions[r, where] = torch.arange(first, first + len(part))
                tree_of[r, where], branch_of[r, where] = t, branch
                column += len(part)
                if branch:
                    rows[sequence], ends[sequence] = r, column - 1
    same_tree = tree_of[:, :, None] == tree_of[:, None, :]
    visible = (branch_of[:, :, None] == branch_of[:, None, :]) | (branch_of[:, None, :] == 0)
    seen = (same_tree & visible).tril()
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return {
        "input_ids": ids,
        "position_ids": positions,
        "attention_mask": mask[:, None],
        "rows": rows,
        "ends": ends,
    }


def padded_inputs(groups: Sequence[Sequence[Ids]], pad_id: int) -> dict[str, Tensor]:
    """The same for any model: one sequence a row, attention_mask (N, L)."""
    ids, mask = pad([list(sequence) for group in groups for sequence in group], pad_id)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "rows": torch.arange(len(ids)),
        "ends": mask.sum(-1) - 1,
    }


def _grow(group: Sequence[Ids], first: int, widest: int) -> list[_Tree]:
    """The trees of a group whose sequences have the numbers from `first` on, none wider than need be."""
    shortest = min(len(sequence) for sequence in group)
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*group, strict=False))
    length = min(sum(1 for _ in alike), shortest - 1)  # a branch has at least the token that is scored
    trees: list[_Tree] = []
    for number, sequence in enumerate(group, start=first):
        if not trees or trees[-1].size + len(sequence) - length > widest:
            trees.append(_Tree(sequence[:length], []))
        trees[-1].branches.append((number, sequence[length:]))
    return trees


def _pack(trees: Sequence[_Tree]) -> list[list[_Tree]]:
    """Rows of trees, none wider than the widest tree: first fit, the largest first."""
    ordered = sorted(trees, key=lambda tree: -tree.size)
    rows: list[list[_Tree]] = []
    room: list[int] = []
    for tree in ordered:
        place = next((r for r, free in enumerate(room) if free >= tree.size), None)
        if place is None:
            rows.append([tree])
            room.append(ordered[0].size - tree.size)
        else:
            rows[place].append(tree)
            room[place] -= tree.size
    return rows
