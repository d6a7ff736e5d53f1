"""The processes that do one run together, as torchrun starts them; accelerate joins them.

    torchrun --nproc-per-node 2 -m training.rlhf ppo RUN_DIR

Each process holds the base, the adapters and the optimiser's state, works on its share of a batch's rows and
hears of all the rest, so that what follows from the whole batch is computed alike everywhere. With FSDP it
holds a part of the base only (see `sharding`). They share the run directory; the main one writes to it. What
they exchange are tensors, never pickles. A process that is alone exchanges nothing and does not touch
torch.distributed.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from training.rlhf.errors import ProcessError, RecipeError, first_line, out_of_memory
from training.rlhf.recipes import Recipe

if TYPE_CHECKING:  # torch takes seconds to import and reads the environment, which the command sets first
    from torch import Tensor

    from training.rlhf.rundir import RunDirectory

# As accelerate launch sets them.
_FSDP, _DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"
_UNFIT = ("FSDP_OFFLOAD_PARAMS", "FSDP_ACTIVATION_CHECKPOINTING")


@dataclass(frozen=True)
class Processes:
    """How many processes do this run, and which of them this is; they join at their first exchange.

    Every exchange must be made by all of them. It raises ProcessError when one has ended or does not answer.
    """

    count: int = 1
    index: int = 0

    @classmethod
    def of_environment(cls) -> Self:
        """The processes as torchrun's variables give them, or one alone."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        return cls(count, int(os.environ["RANK"])) if count > 1 and "RANK" in os.environ else cls()

    @property
    def is_main(self) -> bool:
        return self.index == 0

    @property
    def divide_base(self) -> bool:
        """Whether each holds a part of the base model only."""
        return self.count > 1 and _is_true(_FSDP)

    def share(self, rows: int) -> range:
        """The numbers of the rows, of so many, that are this process's: every `count`-th."""
        return range(self.index, rows, self.count)

    def require_fit(self, recipe: Recipe) -> None:
        """Raise RecipeError for what several processes cannot do; one can do everything."""
        if self.count == 1:
            return
        if recipe.shared_rows is None:
            raise RecipeError(f"The stage {recipe.stage} is done by one process: start it without torchrun.")
        if _is_true(_DEEPSPEED):
            raise RecipeError(
                "DeepSpeed is not supported: accelerate has it for graphics cards only. FSDP divides the "
                "base model, too: accelerate launch --use_fsdp --fsdp_version 2."
            )
        if self.divide_base:
            if os.environ.get("FSDP_VERSION") != "2":
                raise RecipeError("FSDP is supported in its version 2 alone: --fsdp_version 2.")
            for name in filter(_is_true, _UNFIT):
                raise RecipeError(f"{name} is not supported: leave it at false.")
        if recipe.shared_rows < self.count:
            raise RecipeError(
                f"The {self.count} processes need an answer each at every step: raise batch_size or lower "
                f"minibatches until there are {self.count} in a minibatch; calibration_answers likewise."
            )

    def require_one_run(self, directory: "RunDirectory", recipe: Recipe) -> None:
        """Wait for the others; ProcessError unless all are in the same run at the same checkpoint."""
        if self.count == 1:
            return
        import torch

        self.wait()  # for the main process, which makes the directory ready
        latest = directory.latest_checkpoint()
        sharding = [os.environ.get(name) for name in (_FSDP, "FSDP_RESHARD_AFTER_FORWARD")]
        seen = f"{recipe.to_json()} {latest[0] if latest else None} {sharding}".encode()
        digest = int.from_bytes(hashlib.sha256(seen).digest()[:7])
        if len(self.gather_rows(torch.tensor([digest]), self.count).unique()) > 1:
            raise ProcessError(
                "The processes see different recipes or checkpoints, or settings of FSDP: all need the same "
                "command and the same run directory, on a file system that their machines share."
            )

    # Exchanges

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            with _exchange():
                from accelerate import PartialState

                PartialState().wait_for_everyone()

    def any(self, mine: bool) -> bool:
        """Whether `mine` is true in any process."""
        if self.count == 1:
            return mine
        import torch

        total = torch.tensor([float(mine)])
        self.add_up([total])
        return bool(total > 0)

    def add_up(self, tensors: "Sequence[Tensor]") -> None:
        """Replace tensors of one type by their sums over all processes, in one exchange."""
        if self.count == 1:
            return
        import torch

        flat = torch.cat([tensor.flatten() for tensor in tensors]).cpu()  # gloo's memory
        with _exchange():
            from accelerate.utils import reduce

            flat = reduce(flat, reduction="sum")
        for tensor, part in zip(tensors, flat.split([each.numel() for each in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather_rows(self, mine: "Tensor", total: int, width: int | None = None) -> "Tensor":
        """All `total` rows of what each process has its share of: (b, …) to (total, …).

        With a width the second dimension, in which processes may differ, is filled up with zeros to it.
        """
        if self.count == 1:
            return mine
        shape = mine.shape[1:] if width is None else (width, *mine.shape[2:])
        most = len(range(0, total, self.count))
        room = mine.new_zeros((most, *shape), device="cpu")
        room[tuple(slice(size) for size in mine.shape)] = mine.cpu()
        with _exchange():
            from accelerate.utils import gather

            gathered: Tensor = gather(room)
        rows = gathered.view(self.count, most, *shape).transpose(0, 1).flatten(0, 1)[:total]
        return rows.to(mine.device)

    def gather_lists(self, mine: "Sequence[Sequence[float]]", total: int, longest: int) -> list[list[float]]:
        """As `gather_rows`, for rows of up to `longest` numbers, which arrive as they are."""
        import torch

        padded = torch.zeros(len(mine), 1 + longest, dtype=torch.float64)
        for place, row in zip(padded, mine, strict=True):
            place[: 1 + len(row)] = torch.tensor([len(row), *row])
        rows: list[list[float]] = self.gather_rows(padded, total).tolist()
        return [row[1 : 1 + int(row[0])] for row in rows]


ALONE = Processes()


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"


@contextmanager
def _exchange() -> Iterator[None]:
    from accelerate import PartialState

    try:
        PartialState(cpu=True)  # joins the others, once
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise _lost(error) from error


@contextmanager
def lost_process() -> Iterator[None]:
    """Raise ProcessError in the place of torch's error when a process of a common pass is lost."""
    try:
        yield
    except RuntimeError as error:
        if "gloo" not in str(error):
            raise
        raise _lost(error) from error


def _lost(error: RuntimeError) -> ProcessError:
    return ProcessError(
        "Another process of this run has ended or does not answer; the reason is in its own output "
        f"({first_line(error)})."
    )
