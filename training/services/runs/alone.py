"""A run of the engine that is no stage of an update, from its claim to its end."""

from collections.abc import Callable
from functools import partial

from training.failures import record_failure, retry_write
from training.launching.launcher import Outcome, run_engine
from training.models import EngineRun, ModelVersion
from training.services.versions.files import check_adapter


def execute_alone(
    run: EngineRun, conclude: Callable[[Outcome], None], *, version: ModelVersion | None = None
) -> None:
    """Have the engine do a run, and let `conclude` end it; returns at once when another worker holds it.

    The weights of the `version` that it reads are checked first. Whatever goes wrong ends up as the run's
    error. Interrupted, it is left to the next worker.
    """
    if run.claim() is None:
        return
    try:
        with record_failure(run):
            if version is not None:
                check_adapter(version)
            run.folder.mkdir(parents=True, exist_ok=True)
            retry_write(partial(conclude, run_engine(run)))
    except KeyboardInterrupt:
        run.hand_back()
        raise
