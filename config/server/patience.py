"""How long the server waits for a peer."""

import time

HEAD = 10.0
BODY = WRITE = 20.0
IDLE = 60.0
LINGER = 2.0
"""Seconds that a peer has to send a request's head, to send or take more of a body, to begin another request
on a connection, and to read why it was refused."""

SLOWEST = 4096
"""Bytes a second that a body must move with in the long run, in either direction."""


class Patience:
    """Seconds that pass until they end, and that are earned by moving data, up to as many as at first."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The part that has not passed; below 0 when it has ended."""
        return (self.ends - time.monotonic()) / self.seconds

    def earn(self, size: int) -> None:
        """A byte now and then does not live for ever: it earns little more than nothing."""
        self.ends = min(self.ends + size / SLOWEST, time.monotonic() + self.seconds)
