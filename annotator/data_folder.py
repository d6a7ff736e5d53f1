"""The lock of the data folder: the site's processes share it, and a restore has it alone."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from annotator.errors import RefusedError

logger = logging.getLogger(__name__)
LOCK = "in-use.lock"


def use_data_folder() -> int | None:
    """Share the lock until the descriptor that this returns is closed, or the process ends.

    Waits for a restore to end. None, with a warning, where a lock cannot be had, as on a read-only disk:
    nobody restores there.
    """
    try:
        lock = _open()
    except OSError as error:
        logger.warning("A restore would not notice that this process runs: %s", error)
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.warning("This process goes on when the backup is restored.")
        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


@contextmanager
def data_folder_in_use() -> Iterator[None]:
    """Share the lock for as long as the block runs."""
    lock = use_data_folder()
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def data_folder_alone() -> Iterator[None]:
    """Keep the site's processes from starting; raises RefusedError, which names them, while some run."""
    lock = _open()
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                "The site runs: stop its processes first.\n" + "\n".join(_holders(lock))
            ) from None
        yield
    finally:
        os.close(lock)


def _open() -> int:
    return os.open(Path(settings.DATA_DIR) / LOCK, os.O_RDWR | os.O_CREAT, 0o600)


def _holders(lock: int) -> list[str]:
    """Who holds the lock, as far as the kernel tells: it does not know of other machines."""
    file, found = str(os.fstat(lock).st_ino), []
    with suppress(OSError, ValueError):
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, *_, pid, where, _, _ = line.split()
            if kind == "FLOCK" and where.endswith(f":{file}"):
                found.append(f"process {pid}: {_command_of(pid)}")
    return found or ["They are on another machine, or in a container."]


def _command_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return "it was killed, and what it started runs on"
