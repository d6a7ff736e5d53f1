"""A server's process, as seen by whoever started it."""

import secrets
import select
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from training.launching.engine_environment import engine_environment
from training.serving.server import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 2.0
LAST_WORDS = 2000
"""Characters: llama.cpp writes its log from a thread, so that the reason may stand before other lines."""


class ServerFailedError(Exception):
    """A server did not come up; the message is the last that it said."""


def new_key() -> str:
    """A key that a server's only client, the site, is given."""
    return secrets.token_urlsafe(32)


class ServerProcess:
    """A server that runs, or is starting."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process lives
        self._process = subprocess.Popen(
            [sys.executable, "-m", "training.serving.server"],
            cwd=ROOT,
            env=engine_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # who stops the site in a terminal must not cut answers off
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def load(self, seconds: float) -> str:
        """Wait until the model is loaded, and return the server's address; ServerFailedError if it is not."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(self.settings.to_json().encode() + b"\n")
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        address = self._process.stdout.readline().decode().strip() if ready else ""
        if not address:
            self.stop()
            raise ServerFailedError(
                self._last_words() or f"nothing was heard of it for {seconds:.0f} seconds"
            )
        return address

    def stop(self) -> None:
        """End the process, and whatever it is answering."""
        for end in (self._process.terminate, self._process.kill):
            end()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
                break

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-LAST_WORDS:].decode(errors="replace").strip()
