"""What `test_processes` does in each process that torchrun starts.

torchrun --nproc-per-node 2 -m tests.rlhf.under_torchrun ACT RUN_DIR
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.rlhf.__main__ import main
from training.rlhf.processes import Processes

PROCESSES = Processes.of_environment()


def stop_and_go_on(folder: Path) -> None:
    """A signal that one process alone gets stops all at one step; started again, they go on from there."""
    with in_update(2, send_self(signal.SIGTERM)):
        assert main(["ppo", str(folder)]) == 3
    PROCESSES.wait()
    assert [path.name for path in sorted((folder / "checkpoints").iterdir())] == [
        "step-000002",
        "step-000003",
    ]
    PROCESSES.wait()
    assert main(["ppo", str(folder)]) == 0


def lose_one(folder: Path) -> None:
    with in_update(1, send_self(signal.SIGKILL)):
        sys.exit(main(["ppo", str(folder)]))


def refuse(folder: Path) -> None:
    """Each of the runs in a folder is refused."""
    for run in sorted(folder.iterdir()):
        assert main([run.name.split("-")[0], str(run)]) == 1


@contextmanager
def in_update(step: int, act: Callable[[], None]) -> Iterator[None]:
    """Do something in the update of a step, in every process but the main one."""
    from training.rlhf.learner import Learner

    update = Learner.update

    def acting(learner: Learner, experience: Any, at: int) -> Any:
        if at == step and not PROCESSES.is_main:
            act()
        return update(learner, experience, at)

    Learner.update = acting  # type: ignore[method-assign]
    yield
    Learner.update = update  # type: ignore[method-assign]


def send_self(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
