"""What `test_processes` lets each of two processes do, one after the other, in the folders of its runs.

torchrun --nnodes 2 --node-rank NODE -m tests.rlhf.under_torchrun FOLDER
accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 -m tests.rlhf.under_torchrun FOLDER
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.rlhf.__main__ import main
from training.rlhf.distributed.processes import Processes

PROCESSES = Processes.of_environment()


def in_turn(folder: Path) -> None:
    assert main(["ppo", str(folder / "two")]) == 0
    with other_gets(signal.SIGTERM, in_update_of=2):
        assert main(["ppo", str(folder / "stopped")]) == 3
    assert main(["ppo", str(folder / "stopped")]) == 0
    assert main(["ppo", str(folder / f"apart-{PROCESSES.index}")]) == 1
    with other_gets(signal.SIGKILL, in_update_of=1):
        sys.exit(main(["ppo", str(folder / "lost")]))


def divided_in_turn(folder: Path) -> None:
    with other_gets(signal.SIGTERM, in_update_of=2):
        assert main(["ppo", str(folder / "divided")]) == 3
    with bytes_written(folder / f"bytes-{PROCESSES.index}.json"):
        assert main(["ppo", str(folder / "divided")]) == 0
    with other_gets(signal.SIGKILL, in_update_of=1):
        sys.exit(main(["ppo", str(folder / "divided-lost")]))


@contextmanager
def bytes_written(file: Path) -> Iterator[None]:
    """Write the bytes of the base that the process has behind a rollout and in a layer, and those of all."""
    from training.rlhf.stages.ppo.stage import PPO

    assess = PPO._assess

    def assess_and_count(run: PPO, *rollout: Any) -> Any:
        model: Any = run.base.model
        seen = {"held": held(model)}
        hook = model.model.layers[0].mlp.register_forward_hook(lambda *_: seen.update(in_a_layer=held(model)))
        result = assess(run, *rollout)
        hook.remove()
        of_base = [weight for name, weight in model.named_parameters() if "lora_" not in name]
        file.write_text(json.dumps(seen | {"whole": sum(weight.nbytes for weight in of_base)}))
        return result

    PPO._assess = assess_and_count  # type: ignore[method-assign]
    yield
    PPO._assess = assess  # type: ignore[method-assign]


def held(model: Any) -> int:
    """The bytes of the base's weights that are in this process's memory now."""
    from torch.distributed.tensor import DTensor

    of_base = [weight for name, weight in model.named_parameters() if "lora_" not in name]
    return sum((w.to_local() if isinstance(w, DTensor) else w).untyped_storage().nbytes() for w in of_base)


@contextmanager
def other_gets(number: int, *, in_update_of: int) -> Iterator[None]:
    """Let the process that is not the main one get a signal while it is updating the policy."""
    from training.rlhf.stages.ppo.learner import Learner

    update = Learner.update

    def interrupted(learner: Learner, experience: Any, step: int) -> Any:
        if step == in_update_of and not PROCESSES.is_main:
            os.kill(os.getpid(), number)
        return update(learner, experience, step)

    Learner.update = interrupted  # type: ignore[method-assign]
    yield
    Learner.update = update  # type: ignore[method-assign]


if __name__ == "__main__":
    (divided_in_turn if PROCESSES.divide_base else in_turn)(Path(sys.argv[1]))
