"""A frozen base divided over the processes of a run by FSDP2, as accelerate's variables configure it.

    accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 -m training.rlhf ppo RUN_DIR

Each process keeps its part of every weight of the base. A layer is made whole, from the parts of all
processes, when a pass comes to it, and dropped behind it; `--fsdp_reshard_after_forward false` keeps layers
until the last pass of a phase, which costs the memory of a whole base meanwhile. Adapters stay whole
everywhere. Embeddings, the last norm and the output head are one unit, which a phase gathers once if it takes
no gradients.

accelerate wraps no models on processors: its state keeps the FSDP plugin for other devices only, and its
root would be the causal model, whose trunk alone is what scoring passes go through. So its settings are read
here and applied by torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import FullyShardedDataParallelPlugin
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from transformers import PreTrainedModel

from training.rlhf.distributed.processes import Processes, lost_process
from training.rlhf.errors import Cancelled, RecipeError, first_line


class Sharding:
    """A model divided over the processes, which from now on make all passes together."""

    @lost_process()
    def __init__(self, model: PreTrainedModel, whole: set[nn.Parameter], processes: Processes) -> None:
        """Divide all parameters but those that stay `whole`; RecipeError for settings that FSDP2 has not."""
        self._processes = processes
        self._trunk: Any = getattr(model, model.base_model_prefix)
        self._in_lockstep = False
        try:
            reshard = FullyShardedDataParallelPlugin().reshard_after_forward
        except ValueError as error:
            raise RecipeError(f"accelerate refuses the settings of FSDP: {first_line(error)}") from error
        mesh = init_device_mesh("cpu", (processes.count,))
        names = set(model._no_split_modules or ())
        layers: list[Any] = [each for each in self._trunk.modules() if type(each).__name__ in names]
        for layer in layers:
            fully_shard(layer, mesh=mesh, reshard_after_forward=reshard, ignored_params=whole)
        # The head comes after the trunk but is gathered with it: its weight may be that of the embeddings.
        self._trunk.head = model.get_output_embeddings()
        fully_shard(self._trunk, mesh=mesh, reshard_after_forward=False, ignored_params=whole)
        del self._trunk.head
        self._units: list[FSDPModule] = [self._trunk, *layers]
        # Whole weights are made once and filled again; made in inference mode, they could not be learnt with.
        self._empty_pass(learning=False)
        self._drop_whole_weights()

    @contextmanager
    def in_lockstep(self, *, learning: bool = False) -> Iterator[None]:
        """Passes made by all processes together, of which each may need another number.

        A process that has made its own takes part in those of the others by empty ones. All enter it; with
        `learning` every pass has a backward pass. ProcessError when a process is lost.
        """
        if self._in_lockstep:
            yield
            return
        self._in_lockstep, stopped = True, None
        # Before the gathering, which is a hook as well.
        asking = self._trunk.register_forward_pre_hook(self._announce_pass, prepend=True)
        try:
            with lost_process():
                try:
                    yield
                except Cancelled as error:
                    stopped = error
                finally:
                    asking.remove()
                while self._processes.any(False):
                    self._empty_pass(learning)
        finally:
            self._in_lockstep = False
        self._drop_whole_weights()
        if stopped is not None:
            raise stopped

    def _announce_pass(self, *_: object) -> None:
        self._processes.any(True)

    def _empty_pass(self, learning: bool) -> None:
        with torch.set_grad_enabled(learning):
            hidden = self._trunk(input_ids=torch.zeros(1, 1, dtype=torch.long), use_cache=False)
            if learning:
                hidden.last_hidden_state.sum().mul(0).backward()

    def _drop_whole_weights(self) -> None:
        for unit in self._units:
            unit.reshard()
