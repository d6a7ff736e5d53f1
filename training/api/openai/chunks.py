"""An answer's chunks as OpenAI's clients read them: events of a stream, or one object."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from training.services.serving.answers import Chunk, Waiting
from training.services.serving.queue import Place
from training.serving.upstream import text_of

DONE = b"data: [DONE]\n\n"
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
Piece = Waiting | Chunk | None


def events(pieces: Iterable[Piece], place: Place, *, include_usage: bool) -> Iterator[bytes]:
    """Server-sent events; the place in the queue is a comment, `: place 3`, which clients pass over."""
    for piece in pieces:
        if isinstance(piece, Waiting):
            yield f": place {piece.place}\n\n".encode()
        elif piece is None:
            yield b":\n\n"
        elif piece["choices"] or include_usage:
            yield event({**_signed(piece, place, "chat.completion.chunk"), **_choices(piece)})
    yield DONE


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def whole(pieces: Iterable[Piece], place: Place) -> dict[str, Any]:
    """The answer as one object."""
    chunks = [piece for piece in pieces if isinstance(piece, dict)]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    ends = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    message = {"role": "assistant", "content": text_of(chunks), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": (ends or ["stop"])[-1]}
    last = chunks[-1] if chunks else {}
    return {**_signed(last, place, "chat.completion"), "choices": [choice], "usage": _usage(last)}


def _signed(chunk: Chunk, place: Place, kind: str) -> dict[str, Any]:
    """What every answer says of itself: the project that was asked, and the version that answers."""
    return {
        "id": chunk.get("id", ""),
        "object": kind,
        "created": chunk.get("created", 0),
        "model": place.project.slug,
        "system_fingerprint": f"version-{place.version.number}",
    }


def _choices(chunk: Chunk) -> dict[str, Any]:
    """The new text of a chunk, without what the server tells of itself."""
    choices = []
    for choice in chunk["choices"]:
        delta = {name: choice["delta"][name] or "" for name in ("role", "content") if name in choice["delta"]}
        choices.append(
            {"index": 0, "delta": delta, "logprobs": None, "finish_reason": choice["finish_reason"]}
        )
    return {"choices": choices, **({"usage": _usage(chunk)} if "usage" in chunk else {})}


def _usage(chunk: Chunk) -> dict[str, int]:
    usage = chunk.get("usage") or {}
    return {name: int(usage.get(name, 0)) for name in COUNTS}
