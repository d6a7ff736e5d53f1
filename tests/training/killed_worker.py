"""A worker that a test kills: `python -m tests.training.killed_worker UPDATE STOP_AFTER`.

It carries the update out on the test's own database, which the environment names. Its engine
learns nothing and loads no libraries: it does 12 steps with a checkpoint after every fourth, goes on from
the last one, and stands still after the step STOP_AFTER.
"""

import os
import sys

import django
from django.conf import settings

ENGINE = """
import sys, time
from training.rlhf.rundir import RunDirectory

directory = RunDirectory(sys.argv[1])
directory.open()
latest = directory.latest_checkpoint()
for step in range(latest[0] + 1 if latest else 1, 13):
    directory.progress(step, 12)
    if step % 4 == 0:
        with directory.checkpoint(step) as folder:
            (folder / "weights").write_text(str(step))
    while step == int(sys.argv[2]):
        time.sleep(1)
directory.finish({}, {}, 1.0)
"""


def work(update: str, stop_after: str) -> None:
    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    django.setup()
    from training.launching import launcher
    from training.services.updates.worker import execute_update

    launcher.command = lambda run: [sys.executable, "-c", ENGINE, str(run.folder), stop_after]
    execute_update(int(update))


if __name__ == "__main__":
    work(*sys.argv[1:])
