"""Running one stage in its run directory."""

import json
import time
from typing import cast

from training.rlhf.command.environment import keep_freed_memory, seed_everything, set_environment
from training.rlhf.command.outcome import CANCELLED, OK, report
from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import Cancelled, RecipeError
from training.rlhf.hardware.energy import EnergyMeter, of_all_processes
from training.rlhf.recipes import LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES


def attempt(directory: RunDirectory, stage: str) -> int:
    """Do what the recipe says, from the last checkpoint if there is one; returns the exit status."""
    # Also while error.json is written: of two processes of which one is lost, torchrun terminates the other.
    with directory.stopped_by_signals():
        return _attempt_stage(directory, stage)


def _attempt_stage(directory: RunDirectory, stage: str) -> int:
    processes = Processes.of_environment()
    try:
        if processes.is_main:
            directory.open()
        recipe = directory.recipe()
        if recipe.stage != stage:
            raise RecipeError(f"The recipe is for the stage {recipe.stage}, not {stage}.")
        processes.require_fit(recipe)
        _run(directory, recipe, processes)
    except (Cancelled, KeyboardInterrupt):
        if processes.is_main:
            print("Stopped on request; started again, it goes on from its last checkpoint if it has one.")
        return CANCELLED
    except Exception as error:  # noqa: BLE001 - every failure must reach error.json
        return report(directory, error)
    return OK


def _run(directory: RunDirectory, recipe: Recipe, processes: Processes) -> None:
    set_environment(directory, recipe)
    keep_freed_memory(processes)
    started = time.monotonic()
    stage = STAGES[recipe.stage]
    from training.rlhf.model.base_check import require_usable_base

    with EnergyMeter(recipe.country, recipe.processor_watts) as meter, directory.shown_in_terminal():
        seed_everything(recipe)
        processes.require_one_run(directory, recipe)
        require_usable_base(directory, recipe)
        metrics = stage.run(directory, recipe)
    seconds = time.monotonic() - started
    energy = of_all_processes(meter.result, processes)
    if not processes.is_main:
        return
    if stage.card is not None:
        from training.rlhf.model_card import write_card

        write_card(
            directory, cast(LoRARecipe, recipe), stage.card, metrics=metrics, energy=energy, seconds=seconds
        )
    from training.rlhf.hardware.device import device_for, what_was_used

    directory.finish(metrics, energy, seconds, **what_was_used(device_for(recipe.device)))
    print(json.dumps(metrics))
