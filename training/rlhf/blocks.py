"""Norms and gated MLPs of transformer blocks that keep less for the backward pass.

Autograd keeps every intermediate result of a block. An MLP here keeps its input and what its gate and its up
projection say, and computes their product anew; a norm keeps its input and one number a row. Both are for
the blocks of Llama's family with a frozen base; where the base learns, they do as transformers does.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu
from transformers.activations import SiLUActivation

from training.rlhf.linear import LoRALinear, lora_backward, lora_forward, replace_linear_layers

# These differ in name alone; the norms and MLPs of other families may differ in more.
_FAMILIES = ("Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3")


class RMSNorm(nn.Module):
    """x over its root mean square, times a weight (Zhang and Sennrich 2019, equation 4)."""

    weight: Tensor
    variance_epsilon: float

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.requires_grad:
            return self.weight * _over_root_mean_square(x, self.variance_epsilon)[0]
        normalised: Tensor = _RMSNorm.apply(x, self.weight, self.variance_epsilon)
        return normalised


class GatedMLP(nn.Module):
    """down(silu(gate(x)) * up(x)) (Shazeer 2020, equation 6)."""

    gate_proj: nn.Linear | LoRALinear
    up_proj: nn.Linear | LoRALinear
    down_proj: nn.Linear | LoRALinear

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            # Two of the largest tensors of a block, each used once.
            return self.down_proj(silu(self.gate_proj(x), inplace=True).mul_(self.up_proj(x)))
        layers = (self.gate_proj, self.up_proj, self.down_proj)
        products = [layer.product() for layer in layers if isinstance(layer, LoRALinear)]
        weights = [weight for product in products if product is not None for weight in product]
        if len(weights) < 12:
            return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        y: Tensor = _GatedMLP.apply(x.reshape(-1, x.shape[-1]), *weights)
        return y.view(x.shape)


def replace_layers(model: nn.Module) -> None:
    """Make the linear layers, norms and MLPs of a model the engine's own, their weights untouched."""
    replace_linear_layers(model)
    for module in model.modules():
        name = type(module).__name__
        if name in {f"{family}RMSNorm" for family in _FAMILIES}:
            module.__class__ = RMSNorm
        elif name in {f"{family}MLP" for family in _FAMILIES} and isinstance(module.act_fn, SiLUActivation):
            module.__class__ = GatedMLP


def _over_root_mean_square(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """x over its root mean square in the precision of x, and one over that root, (…, 1), in float32."""
    wide = x.float()
    inverse = wide.pow(2).mean(-1, keepdim=True).add_(epsilon).rsqrt_()
    return (wide * inverse).to(x.dtype), inverse


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        normalised, inverse = _over_root_mean_square(x, epsilon)
        ctx.save_for_backward(x, weight, inverse)
        return normalised.mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, weight, inverse = ctx.saved_tensors
        wide = x.float()
        to_x = (gradient * weight).float()
        along = (to_x * wide).mean(-1, keepdim=True).mul_(inverse**3)
        return to_x.mul_(inverse).addcmul_(wide, along, value=-1).to(x.dtype), None, None


class _GatedMLP(torch.autograd.Function):
    """x (N, I) to (N, I) by three LoRA layers, each given as W, A, B and scale (see `lora_forward`)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Any) -> Tensor:
        gate_weights, up_weights, down_weights = weights[:4], weights[4:8], weights[8:]
        gate, gate_inner = lora_forward(x, *gate_weights)
        up, up_inner = lora_forward(x, *up_weights)
        y, down_inner = lora_forward(silu(gate).mul_(up), *down_weights)
        tensors = [weight for weight in weights if isinstance(weight, Tensor)]
        ctx.save_for_backward(x, gate, gate_inner, up, up_inner, down_inner, *tensors)
        ctx.scales = [weight for weight in weights if not isinstance(weight, Tensor)]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, gate_inner, up, up_inner, down_inner, *weights = ctx.saved_tensors
        scales = ctx.scales
        activated = silu(gate)
        product = activated * up
        to_product, *to_down = lora_backward(gradient, product, down_inner, weights[6:], scales[2])
        del product
        to_up = activated.mul_(to_product)
        to_gate = torch.ops.aten.silu_backward(to_product.mul_(up), gate)
        to_x, *to_up_weights = lora_backward(to_up, x, up_inner, weights[3:6], scales[1])
        more, *to_gate_weights = lora_backward(to_gate, x, gate_inner, weights[:3], scales[0])
        adapters = (None, *to_gate_weights, None, None, *to_up_weights, None, None, *to_down, None)
        return to_x.add_(more), *adapters
