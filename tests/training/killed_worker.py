"""A site of its own for a worker that a test kills: `prepare BASE_MODEL`, `work`, or `report`.

The environment says where its data lies; every command runs in a process of its own.
"""

import json
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from tests.training.making import SMALL, make_judged, make_update  # noqa: E402
from training.models import Update  # noqa: E402
from training.services.update_execution import execute_update  # noqa: E402


def prepare(base_model: str) -> None:
    call_command("migrate", verbosity=0)
    # Long enough to be killed in its middle, with checkpoints to go on from.
    settings = {**SMALL, "reward": {**SMALL["reward"], "max_steps": 400, "checkpoint_every": 20}}
    make_update(make_judged(base_model), **settings)


def work() -> None:
    execute_update(Update.objects.get().pk)


def report() -> None:
    update = Update.objects.get()
    runs = {run.stage: [run.state, run.attempt] for run in update.runs.all()}
    print(json.dumps({"state": update.state, "attempt": update.attempt, "error": update.error, "runs": runs}))


if __name__ == "__main__":
    {"prepare": prepare, "work": work, "report": report}[sys.argv[1]](*sys.argv[2:])
