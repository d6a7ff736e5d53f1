"""Base models that come as a GGUF file: unpacked once into the data folder, by a worker or a command."""

import shutil
from pathlib import Path

from django.db import transaction

from annotator.errors import RefusedError
from training.launching.launcher import Outcome
from training.models import UnpackedBase
from training.models.bases import FOLDER
from training.rlhf.model.gguf_file import folder_name
from training.rlhf.rundir import sha256_of
from training.services.runs.alone import execute_alone
from training.services.sampling.prompt_lengths import measure_new_prompts

State = UnpackedBase.State


def register_gguf(file: Path) -> UnpackedBase:
    """The row of a GGUF file; it waits to be unpacked unless that is under way or done and still there.

    Raises RefusedError when the file cannot be read.
    """
    try:
        sha256 = sha256_of(file)
    except OSError as error:
        raise RefusedError(f"{file} cannot be read: {error.strerror}.") from error
    location = f"{FOLDER}/{sha256[:16]}/{folder_name(file)}"
    with transaction.atomic():
        base, _made = UnpackedBase.objects.get_or_create(
            sha256=sha256, defaults={"file": str(file), "location": location}
        )
        if not base.is_active and not base.model_folder.is_dir():
            UnpackedBase.objects.filter(pk=base.pk).update(file=str(file), state=State.FAILED)
            base.requeue()
    return base


def execute_unpacking(base_id: int) -> None:
    """Unpack a file, and then measure the prompts of its projects; see `execute_alone`."""
    base = UnpackedBase.objects.get(pk=base_id)

    def conclude(outcome: Outcome) -> None:
        base.finish(outcome.state, error=outcome.error, result=outcome.result)

    execute_alone(base, conclude)
    if base.state == State.SUCCEEDED:
        for project in base.projects:
            measure_new_prompts(project.pk)


def unpack_now(base: UnpackedBase) -> None:
    """Unpack a registered file in this process, unless that was done before.

    Raises RefusedError with what is wrong with it, and keeps nothing of it then.
    """
    if base.is_active:
        execute_unpacking(base.pk)
        base.refresh_from_db()
    if base.is_active:
        raise RefusedError(f"{base.file} is being unpacked by another process: try again in a minute.")
    if base.state != State.SUCCEEDED:
        if not base.projects.exists():
            base.delete()
            shutil.rmtree(base.folder, ignore_errors=True)
        raise RefusedError(base.error)
