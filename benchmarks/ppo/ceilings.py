"""What a machine can do at best, and what PPO needs at least: the floor under each phase.

A floor counts the multiplications and the bytes that the method cannot avoid, from the shapes alone, and
divides them by the fastest matrix product and the fastest read measured on this machine.
"""

from dataclasses import dataclass

import torch

from benchmarks.task import CONFIGURATIONS, Shape
from training.rlhf.hardware.device import shortest_seconds
from training.rlhf.model.kernels.lora_matmul import multiply

_SIDE = {"cpu": 2048, "cuda": 8192}  # of matrices that keep the device busy


@dataclass(frozen=True)
class Ceilings:
    """Floating-point operations and bytes a second."""

    flops: float
    bandwidth: float


def measure(dtype: torch.dtype, device: torch.device) -> Ceilings:
    """The best of large products, by torch and by the engine, and of sums over more than any cache holds."""
    side = _SIDE[device.type]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    block = torch.randn(1 << 27, device=device)
    product = min(
        shortest_seconds(lambda: left @ right, device),
        shortest_seconds(lambda: multiply(left, right), device),
    )
    return Ceilings(
        flops=2 * side**3 / product,
        bandwidth=block.numel() * 4 / shortest_seconds(lambda: block.sum(), device),
    )


def floors(shape: Shape, ceilings: Ceilings) -> dict[str, float]:
    """Seconds that rollout, scoring and update cannot go below; for the shapes whose answers have one length.

    A token's forward pass takes two operations per weight, and its backward pass as many: the gradient goes
    through frozen weights without one of their own. Logits are needed where an answer token is chosen. A step
    of decoding reads all weights once, whatever the batch.
    """
    _, _, sizes = CONFIGURATIONS[shape.name]
    hidden, layers = sizes["hidden_size"], sizes["num_hidden_layers"]
    width = sizes.get("head_dim", hidden // sizes["num_attention_heads"])
    attention = hidden * width * (2 * sizes["num_attention_heads"] + 2 * sizes["num_key_value_heads"])
    body = layers * (attention + 3 * hidden * sizes["intermediate_size"])
    head = sizes["vocab_size"] * hidden
    bytes_per_weight = 2 if shape.dtype == "bfloat16" else 4
    tokens, chosen = shape.batch_size * (shape.prompt + shape.response), shape.batch_size * shape.response
    forward, logits = 2 * body * tokens, 2 * head * chosen
    prefill = 2 * body * shape.batch_size * shape.prompt
    decoding = max(
        (forward - prefill + logits) / ceilings.flops,
        shape.response * (body + head) * bytes_per_weight / ceilings.bandwidth,
    )
    return {
        "rollout": prefill / ceilings.flops + decoding,
        "scoring": (2 * forward + logits) / ceilings.flops,  # the reward reads no logits
        "update": shape.epochs * 2 * (forward + logits) / ceilings.flops,
    }
