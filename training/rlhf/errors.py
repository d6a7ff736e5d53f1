"""What can go wrong in a run, said so that a coordinator can act on it."""

import errno

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


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


def explain(error: BaseException) -> tuple[str, str]:
    """The reason (one sentence) and the kind that `error.json` holds for an exception."""
    if isinstance(error, EngineError):
        return str(error), error.kind
    if no_space_left(error):
        return (
            "The disk is full: free some space and start the run again; complete checkpoints are kept.",
            "disk",
        )
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "The machine ran out of memory: use a smaller batch size or a smaller base model.",
            "memory",
        )
    return f"The engine failed unexpectedly: {type(error).__name__}: {error}", "internal"


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
