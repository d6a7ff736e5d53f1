"""Models that have shapes and no numbers: the cost of a pass, counted without making it.

A meta model is built from a configuration on torch's meta device; no weight is read. Under `MetaMode.cost`
the engine's own functions run on it, and every tensor that they would make is added up. Attention is counted
as the fused kernel of processors, which keeps no (T, T) matrix.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM, PreTrainedModel

from training.rlhf.errors import ModelError, first_line
from training.rlhf.model.kernels.layers import replace_layers

_ATTENTION = "counted"
_MATMULS = ("aten.mm", "aten.addmm", "aten.bmm", "aten.baddbmm", "mkldnn._linear_pointwise")


@dataclass
class Cost:
    """Of one pass: the most bytes alive at once, floating-point operations, bytes moved, kernel calls."""

    peak_bytes: int = 0
    flops: int = 0
    matmul_bytes: int = 0
    other_bytes: int = 0
    calls: int = 0


class MetaMode:
    """Torch with tensors that have no numbers; models made here can be run at no cost."""

    def __init__(self) -> None:
        self.mode = FakeTensorMode()

    def build(self, location: str, dtype: str, kind: Any = AutoModelForCausalLM, **settings: Any) -> Any:
        """The frozen model of a folder or hub name on the meta device; ModelError when it has no usable
        configuration."""
        try:
            config = AutoConfig.from_pretrained(location, trust_remote_code=False, **settings)
            with torch.device("meta"):
                model: PreTrainedModel = kind.from_config(
                    config,
                    dtype=getattr(torch, dtype),
                    attn_implementation=_ATTENTION,
                    trust_remote_code=False,
                )
        except Exception as error:  # a malformed file makes the libraries raise anything
            raise ModelError(
                f"The configuration of the base model {location} cannot be read: {first_line(error)}"
            ) from error
        replace_layers(model)
        model.config.use_cache = False
        return model.requires_grad_(False).eval()

    def convert(self, model: nn.Module) -> None:
        """Turn what a model holds on the meta device into tensors for passes; shared ones stay shared."""
        converted: dict[int, Any] = {}
        with self.mode:
            for module in model.modules():
                for held in (module._parameters, module._buffers):
                    for name, tensor in held.items():
                        if tensor is not None:
                            # The original is kept, so that no other tensor gets its id.
                            empty, _ = converted.setdefault(id(tensor), (_empty_like(tensor), tensor))
                            held[name] = empty

    def cost(self, work: Callable[[], Any]) -> Cost:
        """The cost of doing this; ModelError when an architecture cannot be followed."""
        flops, tally = FlopCounterMode(display=False, custom_mapping=_ALSO_COUNTED), _Tally()
        try:
            with self.mode, flops, tally:
                work()
        except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
            raise ModelError(
                f"The cost of this base model cannot be counted: {first_line(error)} It can be trained all "
                "the same."
            ) from error
        tally.cost.flops = int(flops.get_total_flops())
        return tally.cost


def _linear_flops(x: torch.Size, weight: torch.Size, *_: Any, **settings: Any) -> int:
    return 2 * x.numel() * weight[0]


# The engine's own product on processors, which torch's counter does not know.
_ALSO_COUNTED = (
    {torch.ops.mkldnn._linear_pointwise: _linear_flops}
    if hasattr(torch.ops.mkldnn, "_linear_pointwise")
    else {}
)


def _empty_like(tensor: Tensor) -> Tensor:
    empty = torch.empty(tensor.shape, dtype=tensor.dtype)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty


class _Tally(TorchDispatchMode):
    """Adds up the tensors that are made inside it, each until its memory would be free again."""

    def __init__(self) -> None:
        super().__init__()
        self.cost = Cost()
        self._alive: dict[int, int] = {}
        self._bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        there = {each.untyped_storage()._cdata for each in given}  # a view of a weight is not made here
        new = sum(
            self._add(each)
            for each in tree_leaves(made)
            if isinstance(each, Tensor) and each.untyped_storage()._cdata not in there
        )
        if new:
            read = sum(_size(each) for each in given)
            self.cost.calls += 1
            if str(func).startswith(_MATMULS):
                self.cost.matmul_bytes += new + read
            else:
                self.cost.other_bytes += new + read
        return made

    def _add(self, tensor: Tensor) -> int:
        storage = tensor.untyped_storage()
        if storage._cdata in self._alive:
            return 0
        size = storage.nbytes()
        self._alive[storage._cdata] = size
        self._bytes += size
        self.cost.peak_bytes = max(self.cost.peak_bytes, self._bytes)
        weakref.finalize(storage, self._drop, storage._cdata)
        return size

    def _drop(self, key: int) -> None:
        self._bytes -= self._alive.pop(key)


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **settings: Any
) -> tuple[Tensor, None]:
    """Attention by the fused kernel of processors: (B, heads, T, D) to (B, T, heads, D)."""
    groups = query.shape[1] // key.shape[1]
    answer = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    )[0]
    return answer.transpose(1, 2).contiguous(), None


AttentionInterface.register(_ATTENTION, _attend)
