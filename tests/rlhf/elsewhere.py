"""A device that is not the processor, for machines without a GPU.

Its tensors compute on the processor, but say that they are elsewhere, and meet no others: an operation on
tensors of both raises, as it does between processor and GPU, unless it is a copy or the other one is a single
number. Autograd, optimisers and modules take it for a device like any, for it stands in torch's place for
those of others (PrivateUse1). Beyond that it is no GPU: not in its rounding, memory or missing operations,
and nothing runs there at the same time.

Torch keeps the device for good, so it belongs into processes of their own: see `work`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from tests.rlhf import engine
from training.rlhf.hardware import device as machine
from training.rlhf.model import loading
from training.rlhf.stages import trainer

NAME = "elsewhere"
_COPIES = ("aten._to_copy.default", "aten.copy_.default")


class Elsewhere(Tensor):
    """A tensor that says it is elsewhere, and the one of the processor that has its numbers."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor) -> Self:
        self = torch.Tensor._make_wrapper_subclass(
            cls,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device=torch.device(NAME, 0),
        )
        self.numbers = numbers
        return self

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})

    # What torch refuses to tensors of other classes.

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def storage(self) -> Any:  # by which safetensors knows weights that are shared
        return self.numbers.storage()

    def untyped_storage(self) -> Any:
        return self.numbers.untyped_storage()


class _Everywhere(TorchDispatchMode):
    """Sees what `Elsewhere` does not: tensors made there, or moved there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do an operation on the processor, and say that what comes of it is where it was asked for."""
    given = tree_leaves((args, kwargs))
    there = [each for each in given if isinstance(each, Elsewhere)]
    here = [each for each in given if _is_here(each)]
    if there and here and str(func) not in _COPIES:
        shapes = ", ".join(str(tuple(each.shape)) for each in here)
        raise RuntimeError(f"{func} meets tensors of two devices; of the processor's there are {shapes}.")
    named = [each for each in given if isinstance(each, torch.device)]
    if named:
        goes_there = named[0].type == NAME
    elif func is torch.ops.aten.copy_.default:
        goes_there = isinstance(args[0], Elsewhere)
    else:
        goes_there = bool(there)
    changed = {id(each.numbers): each for each in there}

    def placed(made: Any) -> Any:
        if not isinstance(made, Tensor) or not goes_there:
            return made
        return changed[id(made)] if id(made) in changed else Elsewhere(made)

    args, kwargs = tree_map(_brought_here, (args, kwargs))
    return tree_map(placed, func(*args, **kwargs))


def _is_here(each: Any) -> bool:
    return isinstance(each, Tensor) and not isinstance(each, Elsewhere) and each.dim() > 0


def _brought_here(each: Any) -> Any:
    if isinstance(each, Elsewhere):
        return each.numbers
    return torch.device("cpu") if isinstance(each, torch.device) and each.type == NAME else each


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """Let recipes that ask for a GPU run there; gives the device."""
    _setup_privateuseone_for_python_backend(NAME)
    device = torch.device(NAME, 0)
    torch.__future__.set_swap_module_params_on_conversion(True)
    torch._C._set_only_lift_cpu_tensors(True)  # so that torch.tensor tells of its copy to the device
    with (
        mock.patch.dict(os.environ, ACCELERATE_TORCH_DEVICE=str(device)),  # for TRL's trainers
        # Which no tensor of another class survives.
        mock.patch.object(torch._C, "_InferenceMode", lambda mode: torch.set_grad_enabled(not mode)),
        mock.patch.object(machine, "device_for", return_value=device),
        mock.patch.object(loading, "device_for", return_value=device),
        mock.patch.object(trainer, "device_for", return_value=device),
        _Everywhere(),
    ):
        yield device


def work(stage: str, folder: str, log: str) -> None:
    """The engine at work in a run directory, there (see `engine.work`)."""
    with elsewhere():
        engine.work(stage, folder, log)
