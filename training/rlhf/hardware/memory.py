"""Memory that the process holds and does not need, given back to the system; on Linux, elsewhere nothing."""

import ctypes
import mmap
from pathlib import Path

from torch import Tensor


def give_back_memory() -> None:
    """Return freed memory to the system: what one phase leaves in pieces is of no use to the next."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


class MappedFiles:
    """The files that are mapped into memory and unchanged there, as safetensors maps a model's weights."""

    def __init__(self) -> None:
        self._ranges = [(start, end) for start, end, changed in _mapped_files() if not changed]

    def let_go(self, weight: Tensor) -> bool:
        """Drop the pages of a weight that lies in such a file; they come back when they are read.

        Anything else stays as it is. Returns whether the pages were dropped.
        """
        start, end = weight.data_ptr(), weight.data_ptr() + weight.nbytes
        if not any(first <= start and end <= last for first, last in self._ranges):
            return False
        # Whole pages only: those at the edges hold neighbours too.
        start, end = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        if start < end:
            ctypes.CDLL(None).madvise(
                ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED
            )
        return True


def _mapped_files() -> list[tuple[int, int, bool]]:
    """Start, end and whether any page was changed, of every mapping of a file (proc(5), smaps)."""
    smaps = Path("/proc/self/smaps")
    found: list[tuple[int, int, bool]] = []
    is_file = False
    for line in smaps.read_text().splitlines() if smaps.exists() else ():
        first, second, *rest = line.split()
        if not first.endswith(":"):
            start, end = (int(address, 16) for address in first.split("-"))
            is_file = rest[2] != "0"  # the inode
        elif is_file and first == "Anonymous:":
            found.append((start, end, second != "0"))
    return found
