"""Rows of token ids as rectangular tensors."""

import torch
from torch import Tensor


def pad(rows: list[list[int]], pad_id: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) and mask (B, T) of rows of different lengths."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for i, row in enumerate(rows):
        where = slice(width - len(row), width) if left else slice(len(row))
        ids[i, where] = torch.tensor(row)
        mask[i, where] = 1
    return ids, mask


def positions_of(mask: Tensor) -> Tensor:
    """Positions (B, T) that count an input's own tokens from 0, whatever the padding before them."""
    return (mask.cumsum(-1) - 1).clamp(min=0)
