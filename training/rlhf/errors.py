"""What can go wrong in a run, in sentences that a coordinator can act on."""

import errno
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
# What a person has to put right, unlike a bug that loses a file.
_IN_THE_WAY = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG,
    errno.ELOOP, errno.EIO,
)  # fmt: skip

_ADVISED = "memory_settings"  # the attribute of an error that `memory_grows_with` sets

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
    """The processes of a run do not match, or one of them has ended."""

    kind = "process"


class Cancelled(Exception):  # noqa: N818 - asking to stop is no error
    """Someone asked the run to stop, and it did so, after a checkpoint where it keeps them."""


def no_space_left(error: BaseException) -> bool:
    """Whether an error, or its cause, means that the disk is full.

    safetensors (Rust) and torch report a failed write in their own exceptions with the errno in the text.
    """
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return True
    text = str(error).lower()
    if any(f"os error {number})" in text for number in _NO_SPACE) or "file write failed" in text:
        return True
    cause = error.__cause__ or error.__context__
    return cause is not None and no_space_left(cause)


def explain(error: BaseException, settings: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """The reason and the kind that `error.json` holds for an exception of a run with these settings."""
    if isinstance(error, EngineError):
        return str(error), error.kind
    if no_space_left(error):
        return (
            "The disk is full: free some space and start the run again; complete checkpoints are kept.",
            "disk",
        )
    if out_of_memory(error):
        return _memory_advice(error, settings or {}), "memory"
    if isinstance(error, OSError) and error.errno in _IN_THE_WAY and error.filename is not None:
        return (
            f"{error.filename} cannot be used ({error.strerror}): put that right and start the run again.",
            "file",
        )
    return f"The engine failed unexpectedly: {type(error).__name__}: {error}", UNEXPECTED


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: a RuntimeError of torch, a MemoryError of numpy."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (
            isinstance(error, RuntimeError)
            and (any(message in text for message in _NO_MEMORY) or text in _ONEDNN_FAILED)
        )
        or "Cannot allocate memory" in text  # where a file cannot be mapped
    )


@contextmanager
def memory_grows_with(*settings: str) -> Iterator[None]:
    """Name the settings of a recipe to lower should the block run out of memory, the best one first.

    Blocks may be nested: the settings of the inner one come first.
    """
    try:
        yield
    except Exception as error:
        if out_of_memory(error):
            vars(error).setdefault(_ADVISED, []).extend(settings)
        raise


def _memory_advice(error: BaseException, settings: Mapping[str, Any]) -> str:
    asked = _ASKED.search(str(error))
    amount = f" when {_size(_bytes(asked))} more were asked for" if asked else ""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if type(error).__name__ != "OutOfMemoryError":  # torch's own, of another device
        amount += f", beside the {_size(held)} that the run held" if asked else f" at {_size(held)}"
    names = [name for name in vars(error).get(_ADVISED, ()) if name in settings]
    advice = " or ".join(f"lower {name} (now {settings[name]})" for name in names)
    advice += (
        ", or take a smaller base model" if names else "use a smaller batch size or a smaller base model"
    )
    return f"The machine ran out of memory{amount}: {advice}. `plan` estimates what a recipe needs."


def _bytes(asked: re.Match[str]) -> float:
    return float(asked["size"]) * _UNITS[asked["unit"].lower()[:1]]


def _size(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def first_line(error: Exception) -> str:
    """The first line of an error's message, with the next where it ends in a colon; its type without any."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
