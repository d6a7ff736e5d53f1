"""Linear layers, plain and with a LoRA adapter, by the products of `lora_matmul`."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import torch
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn

from training.rlhf.model.kernels.lora_matmul import LoRAProducts, Multiply, PrepackedWeights, Product


class Linear(nn.Linear):
    """torch's linear layer; what `prepacked` holds includes the adapter of the layer around it."""

    prepacked: PrepackedWeights | None = None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        rows = x.reshape(-1, self.in_features)
        y = Multiply.apply(rows, self.weight) if self.prepacked is None else self.prepacked(rows)[0]
        return self.finish(y, x.shape)

    def finish(self, y: Tensor, shape: torch.Size) -> Tensor:
        """The output for inputs of this shape, given the product (N, O): the bias added."""
        y = y if self.bias is None else y + self.bias
        return y.view(*shape[:-1], self.out_features)


class LoRALinear(PeftLinear):
    """peft's LoRA layer on a frozen `Linear`: one adapter at a time, without dropout."""

    @property
    def frozen(self) -> Linear:
        layer = self.get_base_layer()
        assert isinstance(layer, Linear)
        return layer

    def product(self) -> Product | None:
        """The base's weight and the adapter in use; None where that has no part."""
        names = (
            [] if self.disable_adapters else [name for name in self.active_adapters if name in self.lora_A]
        )
        if not names:
            return None
        weights: Any = self.lora_A[names[0]], self.lora_B[names[0]]
        return Product(self.frozen.weight, weights[0].weight, weights[1].weight, self.scaling[names[0]])

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            return super().forward(x, *args, **kwargs)
        base, product = self.frozen, self.product()
        if product is None or base.prepacked is not None:
            return base(x)
        (y,) = LoRAProducts.apply(x.reshape(-1, base.in_features), *product)
        return base.finish(y, x.shape)


class FusedProjections(nn.Module):
    """A block of a model whose first linear layers have the same input: they are multiplied as one."""

    prepacked: PrepackedWeights | None = None

    def projections(self) -> tuple[Linear | LoRALinear, ...]:
        """The layers, in the order in which `prepacked` holds them."""
        raise NotImplementedError

    def project(self, x: Tensor) -> Sequence[Tensor]:
        """The output of each layer for x."""
        layers = self.projections()
        rows = x.reshape(-1, x.shape[-1])
        if torch.is_autocast_enabled(x.device.type):
            return [layer(x) for layer in layers]
        if self.prepacked is not None:
            outputs = self.prepacked(rows)
        else:
            products = products_in(layers)
            if products is None:
                return [layer(x) for layer in layers]
            outputs = LoRAProducts.apply(rows, *chain(*products))
        return [frozen_part(layer).finish(y, x.shape) for layer, y in zip(layers, outputs, strict=True)]


def products_in(layers: Iterable[Linear | LoRALinear]) -> list[Product] | None:
    """The products of the adapter in use; None where a layer has no part of it."""
    products = [layer.product() if isinstance(layer, LoRALinear) else None for layer in layers]
    found = [product for product in products if product is not None]
    return found if len(found) == len(products) else None


def frozen_part(layer: Linear | LoRALinear) -> Linear:
    """The layer itself, or what an adapter was put on."""
    return layer.frozen if isinstance(layer, LoRALinear) else layer


def replace_linear_layers(model: nn.Module) -> None:
    """Make every plain linear layer of a model a `Linear`, its weights untouched."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear
