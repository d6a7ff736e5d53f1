"""What `test_processes` lets each of two processes do, one after the other, in the folders of its runs.

torchrun --nproc-per-node 2 -m tests.rlhf.under_torchrun FOLDER
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.rlhf.__main__ import main
from training.rlhf.processes import Processes

PROCESSES = Processes.of_environment()


def in_turn(folder: Path) -> None:
    with other_gets(signal.SIGTERM, in_update_of=2):
        assert main(["ppo", str(folder / "stopped")]) == 3
    assert main(["ppo", str(folder / "stopped")]) == 0
    assert main(["ppo", str(folder / f"apart-{PROCESSES.index}")]) == 1
    with other_gets(signal.SIGKILL, in_update_of=1):
        sys.exit(main(["ppo", str(folder / "lost")]))


@contextmanager
def other_gets(number: int, *, in_update_of: int) -> Iterator[None]:
    """Let the process that is not the main one get a signal while it is updating the policy."""
    from training.rlhf.learner import Learner

    update = Learner.update

    def interrupted(learner: Learner, experience: Any, step: int) -> Any:
        if step == in_update_of and not PROCESSES.is_main:
            os.kill(os.getpid(), number)
        return update(learner, experience, step)

    Learner.update = interrupted  # type: ignore[method-assign]
    yield
    Learner.update = update  # type: ignore[method-assign]


if __name__ == "__main__":
    in_turn(Path(sys.argv[1]))
