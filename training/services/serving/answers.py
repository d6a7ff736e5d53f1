"""An answer of a project's live version: what the server is asked for, and what comes back."""

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from training.models import ModelServer, ServingSettings
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.services.runs.recipes import settings_of
from training.services.serving.queue import Place
from training.serving.server import answering_by
from training.serving.upstream import Chunk, ServerDownError, ServerRefusedError, stream_answer

__all__ = ["Asked", "Chunk", "ServerDownError", "ServerRefusedError", "Waiting", "answer"]
Message = dict[str, str]


@dataclass(frozen=True)
class Waiting:
    """The place in the queue of a request that is not answered yet."""

    place: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Messages of user and assistant in turn, and how to answer; what is None is the project's to choose."""

    messages: Sequence[Message]
    max_tokens: int | None = None
    """An answer is never longer than its project allows."""
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    stop: Sequence[str] = ()
    seed: int | None = None


def answer(place: Place, asked: Asked, goes_on: Callable[[], bool]) -> Generator[Waiting | Chunk | None]:
    """Wait in the queue, then give the chunks of the answer; the place ends with it, however it ends.

    None comes now and then while nothing does. Stops when `goes_on` says no, and when it is closed. Raises
    ServerDownError or ServerRefusedError.
    """
    try:
        for number in place.wait():
            if not goes_on():
                return
            yield Waiting(number)
        server = place.server
        with closing(stream_answer(server.address, server.key, body_for(place, asked), goes_on)) as chunks:
            for chunk in chunks:
                place.hold()
                yield chunk
    finally:
        place.end()


def body_for(place: Place, asked: Asked) -> dict[str, Any]:
    """What the server is sent: made anew, so that nothing of a request reaches it that is not named here."""
    project, server = place.project, place.server
    chosen = settings_of(project).get("generate", {})
    most = ServingSettings.of(project).max_answer_tokens
    body = {
        "messages": conversation(project.system_prompt, asked.messages, server),
        "max_tokens": min(asked.max_tokens or most, most),
        # As the answers are sampled that volunteers rank.
        "temperature": _given(asked.temperature, chosen.get("temperature", GenerateRecipe.temperature)),
        "top_p": _given(asked.top_p, chosen.get("top_p", GenerateRecipe.top_p)),
        "frequency_penalty": asked.frequency_penalty,
        "presence_penalty": asked.presence_penalty,
        "stop": list(asked.stop),
    }
    if asked.seed is not None:
        body["seed"] = asked.seed
    if server.is_endpoint:
        return body | {"model": f"{project.slug}-{place.version.number}"}
    return body | answering_by(server.adapters, place.version.export.adapter)


def conversation(system_prompt: str, messages: Sequence[Message], server: ModelServer) -> list[Message]:
    """The messages with the project's system prompt, in which nothing can pass for a control token.

    llama.cpp takes the name of one for the token wherever it stands, so that a message could end its own
    turn, and go on as system. A space within the name makes it text.
    """
    names = sorted((name for name in server.control_tokens if len(name.strip()) > 1), key=len, reverse=True)
    if names:
        control = re.compile("|".join(map(re.escape, names)))
        messages = [{**each, "content": _disarm(control, each["content"])} for each in messages]
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, *messages]


def _disarm(control: re.Pattern[str], text: str) -> str:
    # Again and again: what is left around a name that was broken may make another.
    while (broken := control.sub(lambda found: f"{found[0][:1]} {found[0][1:]}", text)) != text:
        text = broken
    return text


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
