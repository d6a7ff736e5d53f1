"""Linear layers, plain and with a LoRA adapter, that waste neither time nor memory.

On processors torch multiplies float32 by MKL, which leaves half of an AMD processor unused; oneDNN, which
torch has too, does not. A LoRA layer here is one operation for autograd: it keeps its input and the rank-r
product only, adds the adapter's part into the base's result, and computes no gradient that nobody asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

from training.rlhf.memory import MappedFiles, give_back_memory

# What torch's own compiler emits for linear layers on processors.
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and all(
    hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
)
_PACKABLE = (torch.float32, torch.bfloat16)


def multiply(x: Tensor, weight: Tensor) -> Tensor:
    """x (N, I) times weight (O, I), transposed: (N, O). The weight may be one that `packed` laid out."""
    fits = x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0
    if weight.is_mkldnn or (_HAS_ONEDNN and fits):
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return nn.functional.linear(x, weight)


class Linear(nn.Linear):
    """torch's linear layer by `multiply`."""

    packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        rows = x.reshape(-1, self.in_features)
        y = _Multiply.apply(rows, self.weight) if self.packed is None else multiply(rows, self.packed)
        y = y if self.bias is None else y + self.bias
        return y.view(*x.shape[:-1], self.out_features)


class LoRALinear(PeftLinear):
    """peft's LoRA layer on a frozen `Linear`: one adapter at a time, without dropout."""

    merged_in_packed = False

    @property
    def frozen(self) -> Linear:
        layer = self.get_base_layer()
        assert isinstance(layer, Linear)
        return layer

    def adapter_in_use(self) -> tuple[Tensor, Tensor, float] | None:
        """A (r, I), B (O, r) and the scale of their product; None where the adapter in use has no part."""
        names = (
            [] if self.disable_adapters else [name for name in self.active_adapters if name in self.lora_A]
        )
        if not names:
            return None
        weights: Any = self.lora_A[names[0]], self.lora_B[names[0]]
        return weights[0].weight, weights[1].weight, self.scaling[names[0]]

    def product(self) -> tuple[Tensor, Tensor, Tensor, float] | None:
        """W and the adapter in use; None where the layer is more or less than the product of these."""
        base, adapter = self.frozen, self.adapter_in_use()
        is_plain = base.packed is None and base.bias is None
        if adapter is None or not is_plain or torch.is_autocast_enabled(base.weight.device.type):
            return None
        return base.weight, *adapter

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x, *args, **kwargs)
        base = self.frozen
        adapter = None if self.merged_in_packed else self.adapter_in_use()
        if adapter is None:
            return base(x)
        rows = x.reshape(-1, base.in_features)
        if base.packed is None:
            y = _LoRA.apply(rows, base.weight, *adapter)
        else:
            y, _ = lora_forward(rows, base.packed, *adapter)
        y = y if base.bias is None else y + base.bias
        return y.view(*x.shape[:-1], base.out_features)

    def merged_weight(self, out: Tensor) -> Tensor:
        """The weight of the base plus what the adapter in use adds to it, (O, I), written to `out`."""
        weight, adapter = self.frozen.weight, self.adapter_in_use()
        if adapter is None:
            return weight
        a, b, scale = adapter
        return torch.addmm(weight, b, a, alpha=scale, out=out)


def replace_linear_layers(model: nn.Module) -> None:
    """Make every plain linear layer of a model a `Linear`, its weights untouched."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


@contextmanager
@torch.no_grad()
def packed(model: PreTrainedModel, rows: int) -> Iterator[None]:
    """Lay weights out for products with few rows, the adapter in use added to them; for sampling alone.

    The copies take the place of weights in a mapped file, whose pages are let go meanwhile; where the weights
    lie elsewhere, they take as much memory once more. Adapters stay apart from bfloat16 weights, which would
    round away most of what they add. Without oneDNN nothing changes.
    """
    layers = _packable(model)
    adapted: dict[Linear, LoRALinear] = {}
    if layers:
        adapted = {
            layer.frozen: layer
            for layer in model.modules()
            if isinstance(layer, LoRALinear) and layer.frozen.weight.dtype == torch.float32
        }
        # One room for all merged weights: with one for each, the allocator is left with gaps.
        give_back_memory()
        files = MappedFiles()
        room = torch.empty(max((layer.weight.numel() for layer in adapted), default=0))
        for layer in layers:
            weight = layer.weight.detach()
            if layer in adapted:
                weight = adapted[layer].merged_weight(room[: weight.numel()].view_as(weight))
                adapted[layer].merged_in_packed = True
            layer.packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
            files.let_go(layer.weight)
    try:
        yield
    finally:
        for layer in layers:
            layer.packed = None
        for lora in adapted.values():
            lora.merged_in_packed = False
        give_back_memory()


def packed_bytes(model: PreTrainedModel) -> int:
    """The memory that `packed` takes at most while it lasts."""
    sizes = [layer.weight.nbytes for layer in _packable(model)]
    return sum(sizes) + max(sizes, default=0)


def _packable(model: PreTrainedModel) -> list[Linear]:
    """The layers that `packed` lays out."""
    if not _HAS_ONEDNN or any(weight.device.type != "cpu" for weight in model.parameters()):
        return []
    linear = [layer for layer in model.modules() if isinstance(layer, Linear)]
    return [layer for layer in linear if layer.weight.dtype in _PACKABLE]


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x if weight.requires_grad else None, weight)
        return multiply(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight = ctx.needs_input_grad
        return (
            multiply(gradient, weight.t()) if wants_x else None,
            multiply(gradient.t(), x.t()) if wants_weight else None,
        )


def lora_forward(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """y = x Wᵀ + scale (x Aᵀ) Bᵀ (Hu et al. 2021, equation 3), and x Aᵀ, which the gradient needs.

    x (N, I), W (O, I), A (r, I), B (O, r). The adapter may have more precision than the base: products are
    taken in the base's.
    """
    inner = multiply(x, a.to(x.dtype))
    return multiply(x, weight).addmm_(inner, b.to(x.dtype).t(), alpha=scale), inner


def lora_backward(
    gradient: Tensor, x: Tensor, inner: Tensor, weights: Sequence[Tensor], scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, A and B, given that of y; the weights are W, A and B, and W is frozen."""
    weight, a, b = weights
    low_a, low_b = a.to(x.dtype), b.to(x.dtype)
    to_inner = multiply(gradient, low_b.t()).mul_(scale)  # (N, r)
    to_x = multiply(gradient, weight.t()).addmm_(to_inner, low_a)
    to_a = multiply(to_inner.t(), x.t()).to(a.dtype)
    to_b = multiply(inner.t(), gradient.t()).t().mul(scale).to(b.dtype)
    return to_x, to_a, to_b


class _LoRA(torch.autograd.Function):
    """One LoRA layer, see `lora_forward`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        y, inner = lora_forward(x, weight, a, b, scale)
        ctx.save_for_backward(x, inner, weight, a, b)
        ctx.scale = scale
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, *weights = ctx.saved_tensors
        to_x, to_a, to_b = lora_backward(gradient, x, inner, weights, ctx.scale)
        return to_x, None, to_a, to_b, None
