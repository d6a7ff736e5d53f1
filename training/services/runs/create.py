"""Creating a run together with its run directory."""

import shutil

from django.db import transaction

from training.models import TrainingRun
from training.rlhf.rundir import write_json

from .recipes import RunInput


def create_run(run: TrainingRun, run_input: RunInput) -> TrainingRun:
    """Store a new run together with its run directory."""
    run.recipe = run_input.as_json()
    with transaction.atomic():
        run.save()
        # A transaction that was rolled back may have used this number before.
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir(parents=True)
        write_json(run.folder / "recipe.json", run.recipe)
        for name, content in run_input.files.items():
            (run.folder / name).write_bytes(content)
    return run
