"""Prepacked weights for sampling, where few rows are multiplied with all weights at every token.

oneDNN reads weights fastest in an order of its own. Layers with the same input lie in one piece. The
adapter in use is added to float32 weights; beside bfloat16 weights, which would round away most of what it
adds, it stands in columns of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.rlhf.hardware.memory import MappedFiles, give_back_memory
from training.rlhf.model.kernels.linear import FusedProjections, Linear, LoRALinear, frozen_part
from training.rlhf.model.kernels.lora_matmul import HAS_ONEDNN, PrepackedWeights, Product

# oneDNN lays bfloat16 out on processors alone that have instructions for it.
_DTYPES = {torch.float32}
if HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported():
    _DTYPES.add(torch.bfloat16)


@contextmanager
@torch.no_grad()
def prepacked_weights(model: PreTrainedModel, rows: int) -> Iterator[None]:
    """Lay weights out for products with so many rows, with the adapter in use; for sampling alone.

    The copies take the place of weights in a mapped file, whose pages are let go meanwhile; where the weights
    lie elsewhere, they take as much memory once more. What oneDNN cannot lay out here stays as it is.
    """
    groups = _groups(model)
    if groups:
        # One room for all that is put together: with one for each, the allocator is left with gaps.
        give_back_memory()
        files = MappedFiles()
        room = torch.empty(max(group.made_bytes for group in groups), dtype=torch.uint8)
        for group in groups:
            group.place.prepacked = group.prepack(rows, room)
            for weight in group.weights:
                files.let_go(weight)
    try:
        yield
    finally:
        for group in groups:
            group.place.prepacked = None
        give_back_memory()


def prepacked_bytes(model: PreTrainedModel) -> int:
    """The memory that `prepacked_weights` takes at most while it lasts."""
    groups = _groups(model)
    return sum(group.bytes for group in groups) + max((group.made_bytes for group in groups), default=0)


class _Group:
    """Layers whose weights lie in one piece, and the place where it is held."""

    def __init__(self, place: Linear | FusedProjections, layers: Sequence[Linear | LoRALinear]) -> None:
        self.place = place
        self.frozen = [frozen_part(layer) for layer in layers]
        self.weights = [layer.weight.detach() for layer in self.frozen]
        self.dtype = self.weights[0].dtype
        products = (layer.product() if isinstance(layer, LoRALinear) else None for layer in layers)
        self.products: list[Product | None] = list(products)
        self.ranks = [0 if product is None else len(product.a) for product in self.products]
        self.keeps_apart = self.dtype != torch.float32 and any(self.ranks)

    @property
    def can_be_prepacked(self) -> bool:
        return {weight.dtype for weight in self.weights} == {self.dtype} and self.dtype in _DTYPES

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the piece."""
        columns = self.weights[0].shape[1] + (sum(self.ranks) if self.keeps_apart else 0)
        return sum(len(weight) for weight in self.weights), columns

    @property
    def bytes(self) -> int:
        rows, columns = self.shape
        return rows * columns * self.dtype.itemsize

    @property
    def made_bytes(self) -> int:
        """What putting the piece together takes: nothing where it is the weight of one layer."""
        return self.bytes if len(self.weights) > 1 or any(self.ranks) else 0

    def prepack(self, rows: int, room: Tensor) -> PrepackedWeights:
        """The piece laid out for products with so many rows, put together in `room` (bytes)."""
        sizes = [len(weight) for weight in self.weights]
        if not self.made_bytes:
            return PrepackedWeights(torch.ops.mkldnn._reorder_linear_weight(self.weights[0], rows), sizes)
        piece = room[: self.bytes].view(self.dtype).view(self.shape)
        inputs = self.weights[0].shape[1]
        column = inputs
        for place, weight, product in zip(piece.split(sizes), self.weights, self.products, strict=True):
            place[:, :inputs] = weight
            if self.keeps_apart:
                place[:, inputs:] = 0
            if product is not None and self.keeps_apart:
                place[:, column : column + len(product.a)] = product.b * product.scale
                column += len(product.a)
            elif product is not None:
                place.addmm_(product.b, product.a, alpha=product.scale)
        laid_out = torch.ops.mkldnn._reorder_linear_weight(piece, rows)
        if not self.keeps_apart:
            return PrepackedWeights(laid_out, sizes)
        a = torch.cat([product.a for product in self.products if product is not None])
        return PrepackedWeights(
            laid_out, sizes, torch.ops.mkldnn._reorder_linear_weight(a.to(self.dtype), rows)
        )


def _groups(model: PreTrainedModel) -> list[_Group]:
    if not HAS_ONEDNN or any(weight.device.type != "cpu" for weight in model.parameters()):
        return []
    groups: list[_Group] = []
    seen: set[Linear] = set()
    for module in model.modules():  # a block comes before its layers
        if isinstance(module, FusedProjections):
            group = _Group(module, module.projections())
        elif isinstance(module, Linear | LoRALinear):
            group = _Group(frozen_part(module), [module])
        else:
            continue
        if seen.isdisjoint(group.frozen) and group.can_be_prepacked:
            seen.update(group.frozen)
            groups.append(group)
    return groups
