"""What has to be set before libraries are imported, or before anything is computed."""

import ctypes
import os
from pathlib import Path

from training.rlhf.distributed.processes import Processes
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory

# Names of mallopt(3), which Python does not have.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def set_environment(directory: RunDirectory, recipe: Recipe) -> None:
    """Fix what libraries read once, at their import: threads, memory, telemetry, network."""
    # oneDNN keeps the code it made for the last 1024 shapes of products, half a megabyte each. Batches
    # of many lengths fill that; a step uses far fewer.
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "64"
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(recipe.threads)
    prepare_libraries(directory.resolve(recipe.base_model))


def prepare_libraries(base: Path) -> None:
    """Keep libraries quiet, and from the network if the base model is here; call it before their import."""
    if base.exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    # accelerate launch would let the other processes wait for weights from the first; here all map the file.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"


def keep_freed_memory(processes: Processes) -> None:
    """Let glibc keep what tensors free: given back to the kernel, it costs a page fault at every step.

    Of a divided base whole layers come and go between tensors that stay; kept, they would leave gaps.
    """
    largest = 1 << 20 if processes.divide_base else 32 << 20
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, size in ((_M_MMAP_THRESHOLD, largest), (_M_TRIM_THRESHOLD, 1 << 30)):
            mallopt(parameter, size)


def seed_everything(recipe: Recipe) -> None:
    import random

    import numpy as np
    import torch

    torch.set_num_threads(recipe.threads)
    random.seed(recipe.seed)
    np.random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
