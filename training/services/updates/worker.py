"""The worker's part of an update: its stages one after the other, resumed after a failure or a kill."""

import logging
from functools import partial

from ranking.models.round_states import RoundState
from ranking.services import snapshot_preferences
from training.failures import record_failure, retry_write
from training.launching.launcher import Outcome, run_engine
from training.models import LeaseLostError, TrainingRun, Update
from training.services.plans.worker import NoPlanError, make_plan
from training.services.runs.create import create_run
from training.services.runs.recipes import STAGES, stage_input
from training.services.versions.candidates import publish_candidate
from training.services.versions.files import check_adapter

logger = logging.getLogger(__name__)
State = Update.State


class StoppedError(Exception):
    """An update ends here without a candidate; the message is for the coordinator."""

    def __init__(self, state: Update.State, message: str) -> None:
        super().__init__(message)
        self.state = state


def execute_update(update_id: int) -> None:
    """Take an update from its first stage that has not succeeded to its end.

    Returns at once when another worker holds the update or it has ended. Killed anywhere, the next call goes
    on from the last checkpoint. Whatever goes wrong ends up as the update's error.
    """
    update = Update.objects.select_related("project", "parent", "dataset__project", "round").get(pk=update_id)
    if update.claim() is None:
        return
    with record_failure(update):
        _advance(update)


def _advance(update: Update) -> None:
    try:
        check_adapter(update.parent)
        if update.dataset is None:
            update.renew(dataset=snapshot_preferences(project=update.project, actor=update.started_by))
        if update.round:
            update.round.move(RoundState.LEARNING)
        if not update.plan:
            _plan(update)
        for stage in STAGES:
            _stop_if_cancelled(update)
            _do_stage(update, stage)
        _stop_if_cancelled(update)
        publish_candidate(update)
    except StoppedError as stopped:
        logger.warning("%s ended: %s", update, stopped)
        update.finish(stopped.state, error=str(stopped))


def _plan(update: Update) -> None:
    """Let the engine choose what the settings leave open; an update that it cannot plan has the defaults."""
    _stop_if_cancelled(update)
    try:
        update.renew(plan=make_plan(update.parent, update.settings, beat=update.renew))
    except NoPlanError as error:
        logger.warning("%s could not be planned: %s", update, error)
        update.renew(plan={"error": str(error)})


def _do_stage(update: Update, stage: TrainingRun.Stage) -> None:
    run = _run_for(update, stage)
    run.update = update
    if run.state == State.SUCCEEDED:
        return
    if run.claim() is None:
        raise LeaseLostError(f"{run} is held by another worker.")
    update.renew()
    outcome = run_engine(run)
    retry_write(partial(run.finish, outcome.state, error=outcome.error, result=outcome.result))
    if outcome.state != State.SUCCEEDED:
        raise StoppedError(outcome.state, _sentence(run, outcome))


def _run_for(update: Update, stage: TrainingRun.Stage) -> TrainingRun:
    """The stage's run: the one that was begun if it can go on, else a new one."""
    run = update.run_of(stage)
    if run is not None and (run.is_active or run.state == State.SUCCEEDED):
        return run
    run_input = stage_input(update, stage)
    if run is not None and run.recipe == run_input.as_json() and run.requeue():
        return run
    return create_run(TrainingRun(project=update.project, update=update, stage=stage), run_input)


def _stop_if_cancelled(update: Update) -> None:
    update.renew()
    update.refresh_from_db(fields=["cancel_requested_at"])
    if update.cancel_requested_at is not None:
        raise StoppedError(State.CANCELLED, "Stopped on request; the stages that had ended were kept.")


def _sentence(run: TrainingRun, outcome: Outcome) -> str:
    return f"{run.get_stage_display()}: {outcome.error}"
