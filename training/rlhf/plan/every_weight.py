"""What a stage would take that trained every weight of its base, by the same counts as its plan.

Nobody does it here: it is what people compare with. The passes are counted anew with all weights learning,
through a few layers (see `layers`), which may give up to what one layer keeps too little memory.
Gradients and Adam's two moments are then as large as the model, in float32, and each step reads and writes
them. One frozen base cannot be policy, reference and reward model at once, so a policy needs two whole models
beside it.
"""

from typing import Any

from training.rlhf.hardware.device import Speed
from training.rlhf.plan.estimate import count_memory, count_seconds
from training.rlhf.plan.workload import Workload

_ADAM_PASSES = 7  # of float32: weight, gradient and moments are read, weight and moments written
_WHOLE_MODELS_BESIDE = {"ppo": 2}


def with_every_weight(workload: Workload[Any], speed: Speed) -> tuple[float, int]:
    """Seconds and bytes of the run; the workload is spent and counts every weight from then on."""
    workload.learn_every_weight()
    adam = workload.optimizer_steps * _ADAM_PASSES * 4 * workload.parameters / speed.bytes
    beside = _WHOLE_MODELS_BESIDE.get(workload.recipe.stage, 0) * workload.base_bytes
    return sum(count_seconds(workload, speed).values()) + adam, count_memory(workload).total + beside
