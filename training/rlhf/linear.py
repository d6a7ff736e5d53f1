"""Linear layers, plain and with a LoRA adapter, that waste neither time nor memory.

On processors torch multiplies float32 by MKL, which leaves half of an AMD processor unused; oneDNN, which
torch has too, does not. A LoRA layer here is one operation for autograd: it keeps its input and the rank-r
product only, adds the adapter's part into the base's result, and computes no gradient that nobody asked for.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

# What torch's own compiler emits for linear layers on processors.
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and all(
    hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
)


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

    @property
    def frozen(self) -> Linear:
        layer = self.get_base_layer()
        assert isinstance(layer, Linear)
        return layer

    @property
    def is_adapted(self) -> bool:
        """Whether the adapter in use, if any, has a part in this layer: others may have other layers."""
        return not self.disable_adapters and any(name in self.lora_A for name in self.active_adapters)

    def adapter_in_use(self) -> tuple[Tensor, Tensor, float]:
        """A (r, I), B (O, r) and the scale of their product."""
        (name,) = self.active_adapters
        weights: Any = self.lora_A[name], self.lora_B[name]
        return weights[0].weight, weights[1].weight, self.scaling[name]

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        base = self.frozen
        if base.packed is not None or not self.is_adapted:
            return base(x)
        y = _LoRA.apply(x.reshape(-1, base.in_features), base.weight, *self.adapter_in_use())
        y = y if base.bias is None else y + base.bias
        return y.view(*x.shape[:-1], base.out_features)

    def merged_weight(self, out: Tensor) -> Tensor:
        """The weight of the base plus what the adapter in use adds to it, (O, I), written to `out`."""
        weight = self.frozen.weight
        if not self.is_adapted:
            return weight
        a, b, scale = self.adapter_in_use()
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

    Takes the memory of these layers once more while it lasts; the output head, the largest of them, stays as
    it is. Without oneDNN nothing changes; nor do bfloat16 weights, which would round away most of what an
    adapter adds.
    """
    layers = _packable(model)
    if layers:
        adapted = {m.frozen: m for m in model.modules() if isinstance(m, LoRALinear)}
        # One room for all merged weights: with one for each, the allocator is left with gaps.
        give_back_memory()
        room = torch.empty(max((layer.weight.numel() for layer in adapted), default=0))
        for layer in layers:
            weight = layer.weight.detach()
            if layer in adapted:
                weight = adapted[layer].merged_weight(room[: weight.numel()].view_as(weight))
            layer.packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
    try:
        yield
    finally:
        for layer in layers:
            layer.packed = None
        give_back_memory()


def packed_bytes(model: PreTrainedModel) -> int:
    """The memory that `packed` takes while it lasts."""
    sizes = [4 * layer.weight.numel() for layer in _packable(model)]
    return sum(sizes) + max(sizes, default=0)


def _packable(model: PreTrainedModel) -> list[Linear]:
    """The layers that `packed` lays out."""
    head = model.get_output_embeddings()
    if not _HAS_ONEDNN or any(weight.device.type != "cpu" for weight in model.parameters()):
        return []
    linear = [layer for layer in model.modules() if isinstance(layer, Linear) and layer is not head]
    return [layer for layer in linear if layer.weight.dtype == torch.float32]


def give_back_memory() -> None:
    """Return freed memory to the system: what one phase leaves in pieces is of no use to the next."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


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


class _LoRA(torch.autograd.Function):
    """y = x Wᵀ + scale (x Aᵀ) Bᵀ for a frozen W (Hu et al. 2021, equation 3).

    x (N, I), W (O, I), A (r, I), B (O, r). The adapter may have more precision than the base: products are
    taken in the base's.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        low_a, low_b = a.to(x.dtype), b.to(x.dtype)
        inner = multiply(x, low_a)
        ctx.save_for_backward(x, weight, inner, low_a, low_b)
        ctx.scale, ctx.dtype = scale, a.dtype
        return multiply(x, weight).addmm_(inner, low_b.t(), alpha=scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, inner, a, b = ctx.saved_tensors
        wants_x, _, wants_a, wants_b, _ = ctx.needs_input_grad
        to_inner = multiply(gradient, b.t()).mul_(ctx.scale)  # (N, r)
        to_x = multiply(gradient, weight.t()).addmm_(to_inner, a) if wants_x else None
        to_a = multiply(to_inner.t(), x.t()).to(ctx.dtype) if wants_a else None
        to_b = multiply(inner.t(), gradient.t()).t().mul(ctx.scale).to(ctx.dtype) if wants_b else None
        return to_x, None, to_a, to_b, None
