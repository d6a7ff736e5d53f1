"""What can go wrong in a run, said so that a coordinator can act on it."""

import errno
import re
import resource
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # recipes raise the errors of this module
    from training.rlhf.recipes import Recipe

# Torch on a processor ("you tried to allocate 64 bytes"), on a gpu ("Tried to allocate 2.00 GiB"), numpy
# ("Unable to allocate 7.28 TiB").
_ASKED = re.compile(r"allocate (?P<size>[0-9.]+) (?P<unit>bytes|[KMGTP]iB)", re.IGNORECASE)
# oneDNN gives no reason; of a product that it has made before, only memory can be missing.
_ONEDNN_FAILED = (
    "could not create a primitive", "could not create a memory object", "could not execute a primitive",
)  # fmt: skip
_UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
# Torch without an exception of its own: on a processor, and on a gpu that is full before the first tensor.
_NO_MEMORY = ("can't allocate memory", "CUDA error: out of memory")
# What a stage's memory grows with, what costs least to change first.
_MEMORY_SETTINGS = {
    "sft": ("batch_size", "max_length"),
    "reward": ("batch_size", "max_length"),
    "ppo": ("batch_size", "max_new_tokens"),
    "generate": ("batch_size", "max_new_tokens"),
    "evaluate": ("batch_size", "max_new_tokens"),
}
# Where ppo works on micro-batches: its updates, and the passes of reference and base.
_PER_MICRO_BATCH = {"learner.py", "answer_logprobs"}
_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
# What a person has to put right, unlike a file that the engine itself lost.
_IN_THE_WAY = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG,
    errno.ELOOP, errno.EIO,
)  # fmt: skip


UNEXPECTED = "internal"  # the kind of what is the engine's fault


class EngineError(Exception):
    """A run cannot go on; the message is one clear sentence for a coordinator."""

    kind = "engine"


class RecipeError(EngineError):
    """A recipe has an unknown, missing or impossible setting."""

    kind = "recipe"


class DataError(EngineError):
    """A dataset file is missing, altered, malformed or too small."""

    kind = "data"


class ModelError(EngineError):
    """A base model or an adapter cannot be loaded."""

    kind = "model"


class JudgeError(EngineError):
    """The judge endpoint cannot be reached, refuses, or keeps failing."""

    kind = "judge"


class TrainingDiverged(EngineError):  # noqa: N818 - reads as what happened
    """The optimisation left the region in which its numbers mean anything."""

    kind = "diverged"


class ProcessError(EngineError):
    """The processes of a run do not go together, or one of them was lost."""

    kind = "process"


class Cancelled(Exception):  # noqa: N818 - asking to stop is no error
    """Someone asked the run to stop, and it did so, after a checkpoint where it keeps them."""


def no_space_left(error: BaseException) -> bool:
    """Whether an error, or what caused it, says that the disk is full.

    safetensors (Rust) and torch report a failed write in their own exceptions with the errno in the text.
    """
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return True
    text = str(error).lower()
    if any(f"os error {number})" in text for number in _NO_SPACE) or "file write failed" in text:
        return True
    cause = error.__cause__ or error.__context__
    return cause is not None and no_space_left(cause)


def explain(error: BaseException, recipe: "Recipe | None" = None) -> tuple[str, str]:
    """The reason and the kind that `error.json` holds for an exception of a run with this recipe."""
    if isinstance(error, EngineError):
        return str(error), error.kind
    if no_space_left(error):
        return (
            "The disk is full: free some space and start the run again; complete checkpoints are kept.",
            "disk",
        )
    if out_of_memory(error):
        return _memory_advice(error, recipe), "memory"
    if isinstance(error, OSError) and error.errno in _IN_THE_WAY and error.filename is not None:
        return (
            f"{error.filename} cannot be used ({error.strerror}): put that right and start the run again.",
            "file",
        )
    return f"The engine failed unexpectedly: {type(error).__name__}: {error}", UNEXPECTED


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed; torch says so in a RuntimeError, numpy in a MemoryError."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (
            isinstance(error, RuntimeError)
            and (any(said in text for said in _NO_MEMORY) or text in _ONEDNN_FAILED)
        )
        or "Cannot allocate memory" in text  # where a file cannot be mapped
    )


def _memory_advice(error: BaseException, recipe: "Recipe | None") -> str:
    asked = _ASKED.search(str(error))
    amount = f" when {_size(_bytes(asked))} more were asked for" if asked else ""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if type(error).__name__ != "OutOfMemoryError":  # torch's own, of another device
        amount += f", beside the {_size(held)} that the run held" if asked else f" at {_size(held)}"
    advice = "use a smaller batch size or a smaller base model"
    if recipe is not None:
        values = vars(recipe)
        names: tuple[str, ...] = _MEMORY_SETTINGS[recipe.stage]
        if recipe.stage == "ppo" and _PER_MICRO_BATCH & _way_of(error.__traceback__):
            names = ("micro_batch_size", *names)  # lowering it changes nothing else
        advice = " or ".join(f"lower {name} (now {values[name]})" for name in names)
        advice += ", or take a smaller base model"
    return f"The machine ran out of memory{amount}: {advice}. `plan` tells what a recipe needs."


def _bytes(asked: re.Match[str]) -> float:
    return float(asked["size"]) * _UNITS[asked["unit"].lower()[:1]]


def _size(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _way_of(trace: TracebackType | None) -> set[str]:
    """Names of the source files and functions that an error came through."""

    def walk() -> Iterator[str]:
        here = trace
        while here is not None:
            code = here.tb_frame.f_code
            yield from (code.co_filename.rsplit("/", 1)[-1], code.co_name)
            here = here.tb_next

    return set(walk())


def first_line(error: Exception) -> str:
    """The first line of an error's message, with the next where it ends in a colon; its type without any."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
