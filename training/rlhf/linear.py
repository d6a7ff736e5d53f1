"""Linear layers, plain and with a LoRA adapter, that waste neither time nor memory.

On processors torch multiplies float32 by MKL, which leaves half of an AMD processor unused; oneDNN, which
torch has too, does not. A LoRA layer here is one operation for autograd: it keeps its input and the rank-r
product only, adds the adapter's part into the base's result, and computes no gradient that nobody asked for.
"""

from typing import Any

import torch
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def multiply(x: Tensor, weight: Tensor) -> Tensor:
    """x (N, I) times weight (O, I), transposed: (N, O)."""
    if _HAS_ONEDNN and x.dtype == torch.float32 and x.device.type == "cpu":
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return nn.functional.linear(x, weight)


class Linear(nn.Linear):
    """torch's linear layer by `multiply`."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        y = _Multiply.apply(x.reshape(-1, self.in_features), self.weight)
        y = y if self.bias is None else y + self.bias
        return y.view(*x.shape[:-1], self.out_features)


class LoRALinear(PeftLinear):
    """peft's LoRA layer on a frozen `Linear`: one adapter at a time, without dropout."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        base: nn.Linear = self.get_base_layer()
        if self.disable_adapters or not self.active_adapters:
            return base(x)
        (name,) = self.active_adapters
        y = _LoRA.apply(
            x.reshape(-1, base.in_features),
            base.weight,
            self.lora_A[name].weight,
            self.lora_B[name].weight,
            self.scaling[name],
        )
        y = y if base.bias is None else y + base.bias
        return y.view(*x.shape[:-1], base.out_features)


def replace_linear_layers(model: nn.Module) -> None:
    """Make every plain linear layer of a model a `Linear`, its weights untouched."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


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
        to_inner = (gradient @ b).mul_(ctx.scale)  # (N, r)
        to_x = multiply(gradient, weight.t()).addmm_(to_inner, a) if wants_x else None
        to_a = (to_inner.t() @ x).to(ctx.dtype) if wants_a else None
        to_b = (inner.t() @ gradient).t().mul(ctx.scale).to(ctx.dtype) if wants_b else None
        return to_x, None, to_a, to_b, None
