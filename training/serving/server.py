"""One server: a base model with its adapters, as a process of its own.

    python -m training.serving.server < SETTINGS

SETTINGS is one line of JSON, see `ServerSettings`: not on the command line, because it has the key. The
process prints the address at which it listens, on loopback, when the model is loaded. It ends when its
standard input does, and so with whoever started it.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

NICENESS = 5
"""Pages come first, and training last."""


@dataclass(frozen=True)
class ServerSettings:
    """What a server needs; requests name an adapter by its place in the list, see `answering_by`."""

    model: str
    adapters: tuple[str, ...]
    key: str
    slots: int
    """Requests that are answered at once."""
    context: int
    """Tokens of a conversation with its answer."""
    threads: int
    sleep: int = -1
    """Seconds without a request after which the model is put out of memory; -1 keeps it there."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def answering_by(adapters: Sequence[str], chosen: str) -> dict[str, Any]:
    """What every request says, so that a server with these adapters answers by the chosen one alone.

    All of them with their scales, and no cache: llama.cpp else goes on with those of another request. An
    empty name chooses the base.
    """
    return {
        "lora": [{"id": number, "scale": float(name == chosen)} for number, name in enumerate(adapters)],
        "cache_prompt": False,
        "chat_template_kwargs": {"enable_thinking": False},
        # Its own defaults would cut the distribution further.
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
    }


_kept: list[Any] = []
"""A server ends when nothing refers to it."""


def main() -> None:
    settings = ServerSettings(**json.loads(sys.stdin.readline()))
    os.nice(NICENESS)
    print(start(settings), flush=True)
    sys.stdin.read()
    os._exit(0)  # what is answered just now is cut off


def start(settings: ServerSettings) -> str:
    """Load the model, serve it from threads of this process, and return the address."""
    import xllamacpp  # 100 MB that only this process maps

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.model
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in settings.adapters]
    parameters.api_keys = [settings.key]
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.n_parallel = settings.slots
    parameters.n_ctx = settings.slots * settings.context
    parameters.n_threads_http = settings.slots + 4
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    parameters.sleep_idle_seconds = settings.sleep
    parameters.sse_ping_interval = 1  # so that who waits for a slow token sees whether its client has gone
    # What is kept of one request must not reach another, and an answer is text, whatever it looks like.
    parameters.cache_prompt, parameters.cache_ram_mib = False, 0
    parameters.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    parameters.use_jinja = True
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = False
    parameters.verbosity = 1
    _kept.append(xllamacpp.Server(parameters))
    address: str = _kept[0].listening_address
    return address


if __name__ == "__main__":
    main()
