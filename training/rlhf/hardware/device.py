"""What the machine has, and how fast it is: memory, number formats, and a short measurement."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from training.rlhf.errors import RecipeError
from training.rlhf.recipes import Device

CPU = torch.device("cpu")
_MEASURED_SECONDS = 0.3
# By device: the side of the matrices multiplied, enough to keep it busy, and elements, more than caches hold.
_SIDE = {"cpu": 1024, "cuda": 8192}
_STREAMED = {"cpu": 8 << 20, "cuda": 256 << 20}


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


def device_for(wanted: Device) -> torch.device:
    """The device that a recipe's `device` means here; under torchrun the GPU of this process's number.

    Raises RecipeError when cuda is asked for and there is none, or fewer GPUs than processes.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return CPU
    if not torch.cuda.is_available():
        raise RecipeError("device is cuda, and no GPU can be used here: set it to cpu or auto.")
    number = int(os.environ.get("LOCAL_RANK", "0"))
    if number >= torch.cuda.device_count():
        raise RecipeError(
            f"device is {wanted}, and this machine has fewer GPUs ({torch.cuda.device_count()}) than "
            "processes: start one for each, or set device to cpu."
        )
    return torch.device("cuda", number)


def this_machine(device: torch.device = CPU) -> Machine:
    """The device that a recipe trains on, whatever else the machine has."""
    threads = len(os.sched_getaffinity(0))
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        return Machine("gpu", memory, threads, multiplies_bfloat16(device))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine("processor", memory, threads, multiplies_bfloat16(device))


def multiplies_bfloat16(device: torch.device = CPU) -> bool:
    """Whether the device has instructions for bfloat16; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    processor = torch.cpu.get_capabilities()
    return bool(processor.get("avx512_bf16") or processor.get("amx_bf16"))


def what_was_used(device: torch.device) -> dict[str, Any]:
    """For result.json: `device`, cpu or a GPU's name, and `gpu_peak_bytes` of its tensors, or None."""
    if device.type != "cuda":
        return {"device": device.type, "gpu_peak_bytes": None}
    peak = torch.cuda.max_memory_allocated(device)
    return {"device": torch.cuda.get_device_name(device), "gpu_peak_bytes": peak}


def finish_work(device: torch.device) -> None:
    """Wait until a GPU has done what it was given; a processor has, always."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(threads: int, dtype: torch.dtype, device: torch.device = CPU) -> Speed:
    """The best of what a second shows, on a processor with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    side, streamed = _SIDE[device.type], _STREAMED[device.type]
    try:
        left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
        product = torch.empty(side, side, dtype=dtype, device=device)
        source, target = torch.ones(streamed, device=device), torch.empty(streamed, device=device)
        layer, row = torch.nn.Linear(8, 8, device=device), torch.ones(1, 8, device=device)
        return Speed(
            flops=2 * side**3 / shortest_seconds(lambda: torch.mm(left, right, out=product), device),
            bytes=2 * 4 * streamed / shortest_seconds(lambda: torch.add(source, 1.0, out=target), device),
            call_seconds=shortest_seconds(lambda: layer(row), device),
        )
    finally:
        torch.set_num_threads(before)


def shortest_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of many tries; the first ones warm up."""
    shortest, end = float("inf"), time.perf_counter() + _MEASURED_SECONDS
    with torch.no_grad():
        while True:  # once at least, however busy the machine is
            started = time.perf_counter()
            work()
            finish_work(device)
            now = time.perf_counter()
            shortest = min(shortest, now - started)
            if now >= end:
                return shortest
