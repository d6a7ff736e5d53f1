"""What the machine has, and how fast it is: memory, number formats, and a short measurement."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

_MEASURED_SECONDS = 0.3
_SIDE = 1024
_STREAMED = 8 << 20  # elements: more than caches hold


@dataclass(frozen=True)
class Machine:
    """A device that trains, processor or gpu: its memory in bytes, and whether it multiplies bfloat16."""

    device: str
    memory: int
    threads: int
    bfloat16: bool


@dataclass(frozen=True)
class Speed:
    """Measured: floating-point operations and bytes a second, and the least seconds of any operation."""

    flops: float
    bytes: float
    call_seconds: float


def this_machine() -> Machine:
    """The processor that the engine trains on, whatever else the machine has."""
    return Machine(
        device="processor",
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        threads=len(os.sched_getaffinity(0)),
        bfloat16=multiplies_bfloat16(),
    )


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16; emulated, it is slower than float32."""
    processor = torch.cpu.get_capabilities()
    return bool(processor.get("avx512_bf16") or processor.get("amx_bf16"))


def measure(threads: int, dtype: torch.dtype) -> Speed:
    """The best of what a second shows, with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        left, right = torch.rand(_SIDE, _SIDE).to(dtype), torch.rand(_SIDE, _SIDE).to(dtype)
        product = torch.empty(_SIDE, _SIDE, dtype=dtype)
        source, target = torch.ones(_STREAMED), torch.empty(_STREAMED)
        layer, row = torch.nn.Linear(8, 8), torch.ones(1, 8)
        return Speed(
            flops=2 * _SIDE**3 / _shortest(lambda: torch.mm(left, right, out=product)),
            bytes=2 * 4 * _STREAMED / _shortest(lambda: torch.add(source, 1.0, out=target)),
            call_seconds=_shortest(lambda: layer(row)),
        )
    finally:
        torch.set_num_threads(before)


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of many tries; the first ones warm up."""
    shortest, end = float("inf"), time.perf_counter() + _MEASURED_SECONDS
    with torch.no_grad():
        while (started := time.perf_counter()) < end:
            work()
            shortest = min(shortest, time.perf_counter() - started)
    return shortest
