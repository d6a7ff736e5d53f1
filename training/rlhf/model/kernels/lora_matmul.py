"""Products with the weights of linear layers, plain and with LoRA adapters, in less time and memory.

On processors torch multiplies float32 by MKL, which leaves half of an AMD processor unused; oneDNN, which
torch has too, does not. Layers with the same input are one operation for autograd: it keeps the input
and the rank-r products, adds the adapters' parts into the base's results, takes small products of several
layers as one, and computes no gradient that is not needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# What torch's own compiler emits for linear layers on processors.
HAS_ONEDNN = torch.backends.mkldnn.is_available() and all(
    hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
)


def multiply(x: Tensor, weight: Tensor) -> Tensor:
    """x (N, I) times weight (O, I), transposed: (N, O). The weight may be one laid out by oneDNN."""
    fits = x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0
    if weight.is_mkldnn or (HAS_ONEDNN and fits):
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return nn.functional.linear(x, weight)


class Multiply(torch.autograd.Function):
    """`multiply` with gradients of what learns."""

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


class Product(NamedTuple):
    """A frozen weight W (O, I), an adapter's A (r, I) and B (O, r), and the scale of their product."""

    weight: Tensor
    a: Tensor
    b: Tensor
    scale: float


def lora_forward(x: Tensor, products: Sequence[Product]) -> tuple[list[Tensor], Tensor]:
    """The outputs of layers with the same input: y = x Wᵀ + scale (x Aᵀ) Bᵀ (Hu et al. 2021, equation 3).

    x (N, I); gives each layer's y (N, O), and their x Aᵀ side by side, which the gradient needs. The adapters
    may have more precision than the base: products are taken in the base's.
    """
    inner = multiply(x, _all_a(products, x.dtype))
    parts = inner.split([len(each.a) for each in products], -1)
    outputs = [
        multiply(x, weight).addmm_(part, b.to(x.dtype).t(), alpha=scale)
        for (weight, _, b, scale), part in zip(products, parts, strict=True)
    ]
    return outputs, inner


def lora_backward(
    gradients: Sequence[Tensor], x: Tensor, inner: Tensor, products: Sequence[Product]
) -> tuple[Tensor, list[Tensor]]:
    """The gradient of x, and those of A and B of each layer in turn, given those of the layers' outputs."""
    ranks = [len(each.a) for each in products]
    to_inners = [
        multiply(gradient, each.b.to(x.dtype).t()).mul_(each.scale)
        for gradient, each in zip(gradients, products, strict=True)
    ]
    to_inner = torch.cat(to_inners, -1) if len(products) > 1 else to_inners[0]  # (N, r of all)
    to_x = multiply(gradients[0], products[0].weight.t())
    for gradient, each in zip(gradients[1:], products[1:], strict=True):
        to_x += multiply(gradient, each.weight.t())
    to_x.addmm_(to_inner, _all_a(products, x.dtype))
    to_a = multiply(to_inner.t(), x.t()).split(ranks)
    to_adapters: list[Tensor] = []
    for gradient, part, of_a, each in zip(gradients, inner.split(ranks, -1), to_a, products, strict=True):
        of_b = multiply(part.t(), gradient.t()).t().mul(each.scale)
        to_adapters += (of_a.to(each.a.dtype), of_b.to(each.b.dtype))
    return to_x, to_adapters


def _all_a(products: Sequence[Product], dtype: torch.dtype) -> Tensor:
    """The A of all layers, one below the other: (r of all, I)."""
    together = torch.cat([each.a for each in products]) if len(products) > 1 else products[0].a
    return together.to(dtype)


class LoRAProducts(torch.autograd.Function):
    """Layers with the same input x (N, I), see `lora_forward`, each given as W, A, B and scale."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Any) -> tuple[Tensor, ...]:
        products = products_of(weights)
        outputs, inner = lora_forward(x, products)
        ctx.save_for_backward(x, inner, *(each for each in weights if isinstance(each, Tensor)))
        ctx.scales = [each.scale for each in products]
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, *weights = ctx.saved_tensors
        to_x, to_adapters = lora_backward(gradients, x, inner, with_scales(weights, ctx.scales))
        return to_x, *for_arguments(to_adapters)


def products_of(weights: Sequence[Any]) -> list[Product]:
    """Products from the flat arguments that autograd wants."""
    return [Product(*weights[start : start + 4]) for start in range(0, len(weights), 4)]


def with_scales(weights: Sequence[Tensor], scales: Sequence[float]) -> list[Product]:
    """Products from the tensors that autograd keeps and the scales that it does not."""
    return [
        Product(weight, a, b, scale)
        for weight, a, b, scale in zip(weights[::3], weights[1::3], weights[2::3], scales, strict=True)
    ]


def for_arguments(to_adapters: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of A and B, layer by layer, as those of all arguments: W and scale have none."""
    found: list[Tensor | None] = []
    for to_a, to_b in zip(to_adapters[::2], to_adapters[1::2], strict=True):
        found += (None, to_a, to_b, None)
    return found


@dataclass(frozen=True)
class PrepackedWeights:
    """Weights of layers with the same input, one below the other, laid out for few rows.

    Where adapters are not added to the weight W, (O of all, I), it is [W, scale B], (O of all, I + r of all),
    and `a` is A, (r of all, I).
    """

    weight: Tensor
    sizes: Sequence[int]
    a: Tensor | None = None

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """The output (N, O) of each layer for x (N, I), without its bias."""
        if self.a is not None:
            x = torch.cat([x, multiply(x, self.a)], -1)
        return multiply(x, self.weight).split(self.sizes, -1)
