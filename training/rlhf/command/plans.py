"""Saying before anything starts what a run, or a whole update, will take."""

import json
from pathlib import Path

from training.rlhf.command.environment import quieten_libraries, stay_offline_with
from training.rlhf.command.outcome import OK, say


def plan(path: Path, *, as_json: bool) -> int:
    """Print what the run of a recipe will take."""
    quieten_libraries()
    from training.rlhf.plan import estimate as plan  # torch takes seconds to import

    try:
        directory, recipe = plan.read_recipe(path)
        stay_offline_with(directory, recipe)
        made = plan.make_plan(directory, recipe)
    except Exception as error:  # noqa: BLE001 - as for a run, see printed
        return say(error)
    print(json.dumps(made.to_dict(), indent=2) if as_json else plan.describe(made))
    return OK


def plan_update(path: Path) -> int:
    """Print the settings of an update that fits its time, and why they were chosen, as JSON."""
    quieten_libraries()
    from training.rlhf.plan.budget import plan_update  # torch takes seconds to import

    try:
        print(json.dumps(plan_update(path), indent=2))
    except Exception as error:  # noqa: BLE001 - as for a run, see printed
        return say(error)
    return OK
