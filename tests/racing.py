"""Acts that begin at the same moment, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections


def at_once(act: Callable[[Any], Any], inputs: Sequence[Any]) -> list[Any]:
    """The results of `act` for each input, all started at the same moment."""
    barrier = Barrier(len(inputs))

    def run(value: Any) -> Any:
        try:
            barrier.wait(timeout=30)
            return act(value)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(inputs)) as threads:
        return list(threads.map(run, inputs))
