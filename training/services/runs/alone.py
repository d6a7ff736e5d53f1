"""A run of the engine that is no stage of an update, from its claim to its end."""

from collections.abc import Callable
from functools import partial

from training.failures import record_failure, retry_write
from training.launching.launcher import Outcome, run_engine
from training.models import EngineRun


def execute_alone(run: EngineRun, conclude: Callable[[Outcome], None]) -> None:
    """Have the engine do a run, and let `conclude` end it; returns at once when another worker holds it.

    Whatever goes wrong ends up as the run's error. Interrupted, it is left to the next worker.
    """
    if run.claim() is None:
        return
    try:
        with record_failure(run):
            run.folder.mkdir(parents=True, exist_ok=True)
            retry_write(partial(conclude, run_engine(run)))
    except KeyboardInterrupt:
        run.hand_back()
        raise
