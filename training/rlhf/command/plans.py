"""Saying before anything starts what a run, or a whole update, will take."""

import json
from pathlib import Path

from training.rlhf.command.environment import prepare_libraries
from training.rlhf.command.outcome import OK, say
from training.rlhf.errors import RecipeError
from training.rlhf.plan.update_facts import UpdateFacts
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import parse_recipe


def plan(path: Path, *, as_json: bool) -> int:
    """Print what the run of a recipe will take."""
    try:
        directory, recipe = read_recipe(path)
        prepare_libraries(directory.resolve(recipe.base_model))
        from training.rlhf.plan.estimate import describe, make_plan  # torch takes seconds to import

        made = make_plan(directory, recipe)
    except Exception as error:  # noqa: BLE001 - as for a run, see printed
        return say(error)
    print(json.dumps(made.to_dict(), indent=2) if as_json else describe(made))
    return OK


def plan_update(path: Path) -> int:
    """Print the settings of an update that fits its time, and why they were chosen, as JSON."""
    try:
        facts = UpdateFacts.read(path)
        prepare_libraries(path.parent / facts.base_model)
        from training.rlhf.plan.budget import plan_update  # torch takes seconds to import

        print(json.dumps(plan_update(facts, path.parent), indent=2))
    except Exception as error:  # noqa: BLE001 - as for a run, see printed
        return say(error)
    return OK


def read_recipe(path: Path) -> tuple[RunDirectory, Recipe]:
    """The recipe of a run directory or of a file, with the directory that its paths start from."""
    if path.is_dir():
        directory = RunDirectory(path)
        return directory, directory.recipe()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"There is no readable recipe {path}: {error}.") from error
    return RunDirectory(path.parent), parse_recipe(text)
