"""Norms, attention and gated MLPs of transformer blocks that keep less for the backward pass.

Autograd keeps every intermediate result of a block. An MLP here keeps its input and the outputs of its
gate and its up projection, and computes their product anew; a norm keeps its input and one number a row;
attention rotates queries and keys in one operation. All are for the blocks of Llama's family with a frozen
base; where the base learns, they do as transformers does. Code of our own because the fused layers that
others keep (Liger, Unsloth) are for GPUs.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu
from transformers import Cache, PreTrainedConfig
from transformers.activations import SiLUActivation
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from training.rlhf.model.kernels.linear import (
    FusedProjections,
    Linear,
    LoRALinear,
    frozen_part,
    products_in,
    replace_linear_layers,
)
from training.rlhf.model.kernels.lora_matmul import (
    for_arguments,
    lora_backward,
    lora_forward,
    products_of,
    with_scales,
)

# These differ in name alone; the norms and MLPs of other families may differ in more.
_FAMILIES = ("Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3")


class RMSNorm(nn.Module):
    """x over its root mean square, times a weight (Zhang and Sennrich 2019, equation 4)."""

    weight: Tensor
    variance_epsilon: float

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.requires_grad or not torch.is_grad_enabled():
            return self.weight * _over_root_mean_square(x, self.variance_epsilon)[0]
        normalised: Tensor = _RMSNorm.apply(x, self.weight, self.variance_epsilon)
        return normalised


class Attention(FusedProjections):
    """Grouped-query attention with rotary positions (Ainslie et al. 2023; Su et al. 2021, equation 34)."""

    config: PreTrainedConfig
    head_dim: int
    layer_idx: int
    scaling: float
    use_rope: bool = True  # SmolLM3 has layers without
    q_norm: Callable[[Tensor], Tensor]
    k_norm: Callable[[Tensor], Tensor]
    q_proj: Linear | LoRALinear
    k_proj: Linear | LoRALinear
    v_proj: Linear | LoRALinear
    o_proj: Linear | LoRALinear

    def projections(self) -> tuple[Linear | LoRALinear, ...]:
        return self.q_proj, self.k_proj, self.v_proj

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None,
        past_key_values: Cache | None = None,
        **settings: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Called as transformers calls it: hidden states (B, T, H), cosine and sine (B, T, D)."""
        shape = hidden_states.shape[:-1]
        query, key, value = (part.view(*shape, -1, self.head_dim) for part in self.project(hidden_states))
        if hasattr(self, "q_norm"):  # Qwen3
            query, key = self.q_norm(query), self.k_norm(key)
        if self.use_rope:
            query, key = (_Rotate.apply(part, *position_embeddings) for part in (query, key))
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))  # (B, heads, T, D)
        if query.dtype == torch.bfloat16 and query.device.type == "cpu":
            # Processors' own kernel takes longer in bfloat16: 1.5 times in training, 3 times in sampling.
            query, key, value = query.float(), key.float(), value.float()
            if attention_mask is not None and attention_mask.is_floating_point():
                attention_mask = attention_mask.float()
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        window = getattr(self, "sliding_window", getattr(self.config, "sliding_window", None))
        output, weights = attend(
            self, query, key, value, attention_mask, scaling=self.scaling, sliding_window=window, **settings
        )
        return self.o_proj(output.reshape(*shape, -1).to(hidden_states.dtype)), weights


class GatedMLP(FusedProjections):
    """down(silu(gate(x)) * up(x)) (Shazeer 2020, equation 6)."""

    gate_proj: Linear | LoRALinear
    up_proj: Linear | LoRALinear
    down_proj: Linear | LoRALinear

    def projections(self) -> tuple[Linear | LoRALinear, ...]:
        return self.gate_proj, self.up_proj

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            # Two of the largest tensors of a block, each used once.
            gate, up = self.project(x)
            return self.down_proj(silu(gate, inplace=True).mul_(up))
        layers = (self.gate_proj, self.up_proj, self.down_proj)
        products, biased = products_in(layers), any(frozen_part(each).bias is not None for each in layers)
        if products is None or biased or torch.is_autocast_enabled(x.device.type):
            return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        y: Tensor = _GatedMLP.apply(x.reshape(-1, x.shape[-1]), *chain(*products))
        return y.view(x.shape)


def replace_layers(model: nn.Module) -> None:
    """Make linear layers, norms, attention and MLPs of a model the engine's own, their weights untouched."""
    replace_linear_layers(model)
    for module in model.modules():
        name = type(module).__name__
        if name in {f"{family}RMSNorm" for family in _FAMILIES}:
            module.__class__ = RMSNorm
        elif name in {f"{family}Attention" for family in _FAMILIES} and _attends_by_kernel(module.config):
            module.__class__ = Attention
        elif name in {f"{family}MLP" for family in _FAMILIES} and isinstance(module.act_fn, SiLUActivation):
            module.__class__ = GatedMLP


def _attends_by_kernel(config: Any) -> bool:
    """Whether attention is one of those that are the same for all models, not a model's own ("eager")."""
    return config._attn_implementation in ALL_ATTENTION_FUNCTIONS


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


class _Rotate(torch.autograd.Function):
    """Turn x (B, T, heads, D) by angles: their cosines and sines (B, T, D) are alike in both halves of D."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turned(x, cosine, sine)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _turned(gradient, cosine, -sine), None, None


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    sine = sine[..., None, :half]
    turned = x * cosine[..., None, :]
    turned[..., :half].addcmul_(x[..., half:], sine, value=-1)
    turned[..., half:].addcmul_(x[..., :half], sine)
    return turned


class _GatedMLP(torch.autograd.Function):
    """x (N, I) to (N, I) by three LoRA layers, each given as W, A, B and scale (see `lora_forward`)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Any) -> Tensor:
        gate_up, down = (products := products_of(weights))[:2], products[2:]
        (gate, up), inner = lora_forward(x, gate_up)
        (y,), down_inner = lora_forward(silu(gate).mul_(up), down)
        tensors = [weight for weight in weights if isinstance(weight, Tensor)]
        ctx.save_for_backward(x, gate, up, inner, down_inner, *tensors)
        ctx.scales = [product.scale for product in products]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, up, inner, down_inner, *weights = ctx.saved_tensors
        gate_up, down = (products := with_scales(weights, ctx.scales))[:2], products[2:]
        activated = silu(gate)
        product = activated * up
        to_product, to_down = lora_backward([gradient], product, down_inner, down)
        del product
        to_up = activated.mul_(to_product)
        to_gate = torch.ops.aten.silu_backward(to_product.mul_(up), gate)
        to_x, to_gate_up = lora_backward([to_gate, to_up], x, inner, gate_up)
        return to_x, *for_arguments([*to_gate_up, *to_down])
