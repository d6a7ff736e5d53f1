"""The cost of a pass through all layers of a model, from passes through its first two and three.

Where layers are alike, each further one adds what the third did. The second adds more to the peak of memory:
before it no layer's output is held.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from training.rlhf.plan.meta_model import Cost

_FEW = 3


class Layers:
    """The layers of a model with its adapters. All are passed through unless they are alike."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._trunk: Any = model.base_model
        found = getattr(self._trunk, "layers", None)
        self._all = found if isinstance(found, nn.ModuleList) else nn.ModuleList()
        are_alike = len({_form(layer) for layer in self._all}) == 1
        self._further = max(0, len(self._all) - _FEW) if are_alike else 0

    def cost(self, count: Callable[[], Cost]) -> Cost:
        """The cost of a pass through all layers; `count` makes it, through as many as there are just then."""
        if not self._further:
            return count()
        with self._first(_FEW - 1):
            fewer = vars(count())
        with self._first(_FEW):
            few = vars(count())
        return Cost(**{name: few[name] + self._further * (few[name] - fewer[name]) for name in few})

    def few(self) -> AbstractContextManager[None]:
        """Passes in this block go through the most layers that `cost` passes through."""
        return self._first(_FEW) if self._further else nullcontext()

    def total(self, held: Sequence[int]) -> int:
        """The bytes that all layers hold, given those of each that a pass in `few` went through."""
        return sum(held) + self._further * held[-1]

    @contextmanager
    def _first(self, count: int) -> Iterator[None]:
        self._trunk.layers = self._all[:count]
        try:
            yield
        finally:
            self._trunk.layers = self._all


def _form(layer: nn.Module) -> str:
    """What a layer's passes depend on, but for its place: the kinds, settings and shapes of its parts."""
    return repr([(name, type(part), _settings(part), _shapes(part)) for name, part in layer.named_modules()])


def _settings(part: nn.Module) -> dict[str, Any]:
    plain = int | float | str | None
    found = {name: value for name, value in vars(part).items() if isinstance(value, plain)}
    found.pop("layer_idx", None)
    return found


def _shapes(part: nn.Module) -> list[Any]:
    return [(name, each.shape, each.dtype) for name, each in part.named_parameters(recurse=False)]
