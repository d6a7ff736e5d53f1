"""All settings of an update together, so that it fits the size of the model, the machine, and a time.

    python -m training.rlhf plan --update FACTS

FACTS is a JSON file (see `update_facts`). What people chose stands; of the rest the presets say what is good,
memory how large batches can be, and the answers so far how long new ones need to be. When that takes longer
than the time that was given, PPO takes fewer steps; when too few are left, the cuts below are made, those
that cost least first.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.rlhf.hardware.energy import expected_watts
from training.rlhf.plan.estimate import TIME_FACTOR
from training.rlhf.plan.presets import (
    SIZES,
    Choice,
    Choices,
    Why,
    by_length,
    by_memory,
    by_size,
    size_class,
    with_size,
)
from training.rlhf.plan.update_facts import UpdateFacts
from training.rlhf.plan.update_recipes import UPDATE, UpdateRecipes
from training.rlhf.recipes import LoRARecipe, Recipe

SAMPLING = ("ppo", "generate", "evaluate")
# The rest is for what the estimate does not know.
_SHARE_OF_TIME = 0.8
_FEW_STEPS = 8  # of PPO: with fewer, other things are made smaller first
_NEARLY_ALL = 0.98  # of the answers are to fit
_SHORTEST_ANSWER, _ANSWER_STEP = 32, 16  # tokens
_CONVERSATION_STEP = 64
_LOST_SECONDS = 900  # of work, when a run is killed


@dataclass(frozen=True)
class Cut:
    """A setting made smaller in some stages, which saves time and costs the update something."""

    stages: tuple[str, ...]
    name: str
    smaller: Callable[[float], float]


CUTS = (
    Cut(("evaluate",), "samples_per_prompt", lambda now: min(now, 2)),
    Cut(("reward",), "epochs", lambda now: min(now, 1.0)),
    Cut(("ppo",), "epochs", lambda now: 1),
    Cut(("evaluate",), "samples_per_prompt", lambda now: 1),
    Cut(SAMPLING, "max_new_tokens", lambda now: min(now, max(_SHORTEST_ANSWER, 3 * now // 4 // 8 * 8))),
    Cut(("ppo",), "batch_size", lambda now: max(16, now // 2) if now > 16 else now),
)


def plan_update(facts: UpdateFacts, folder: Path) -> dict[str, Any]:
    """Plan an update; the paths in its facts start from the folder."""
    recipes = UpdateRecipes(facts, folder)
    for stage in UPDATE:
        recipes.choose(stage, by_size(recipes[stage], recipes.parameters, recipes.machine(stage)))
        recipes.choose(stage, _by_answers(recipes, recipes[stage]))
        _fit_memory(recipes, stage)
    _fit_time(recipes)
    recipes.choose("ppo", by_length(recipes["ppo"]))
    for stage in ("reward", "ppo"):
        recipes.choose(stage, _by_checkpoints(recipes, recipes[stage]))
    return _as_json(recipes)


def _by_answers(recipes: UpdateRecipes, recipe: Recipe) -> Choices:
    """Lengths that nearly all answers so far fit in; the defaults stay for models they are made for."""
    material, number = recipes.material, size_class(recipes.parameters)
    longest = material.longest_answer(_NEARLY_ALL)
    if number is None or longest is None:
        return {}
    size, choices = SIZES[number], {}
    if "max_new_tokens" in vars(recipe):
        # Not rounded up: where answers were cut at the last limit, the next one must not creep upwards.
        tokens = max(_SHORTEST_ANSWER, _ANSWER_STEP * round(longest / _ANSWER_STEP))
        choices["max_new_tokens"] = min(tokens, size.most_new_tokens)
    if "max_length" in vars(recipe):
        tokens = -(-material.longest_conversation // _CONVERSATION_STEP) * _CONVERSATION_STEP
        choices["max_length"] = max(vars(recipe)["max_length"], min(tokens, 2 * size.max_length))
    most = (recipes.context or 2**31) - 1
    return {name: Choice(min(value, most), Why.ANSWERS) for name, value in choices.items()}


def _fit_memory(recipes: UpdateRecipes, stage: str) -> None:
    def memory_of(recipe: Recipe) -> int:
        return recipes.count(recipe)[1]

    smaller = by_memory(recipes[stage], recipes.machine(stage), memory_of, recipes.by_hand(stage))
    recipes.choose(stage, smaller)


def _fit_time(recipes: UpdateRecipes) -> None:
    """Let PPO take fewer steps, and make the cuts that leave it enough of them."""
    wanted: int = vars(recipes["ppo"])["steps"]
    for cut in (None, *CUTS):
        if cut is not None:
            _make(recipes, cut)
        steps = _steps_in_time(recipes, wanted)
        if steps >= min(wanted, _FEW_STEPS):
            break
    recipes.choose("ppo", {"steps": Choice(max(1, steps), Why.TIME)})


def _steps_in_time(recipes: UpdateRecipes, wanted: int) -> int:
    """How many steps of PPO the other stages leave time for, up to `wanted`."""
    others = sum(recipes.seconds(stage) for stage in UPDATE if stage != "ppo")
    room = _SHARE_OF_TIME * recipes.facts.seconds - others
    all_of_them = recipes.seconds("ppo", steps=wanted)
    if all_of_them <= room or wanted == 1:
        return wanted if all_of_them <= room else 0
    one = recipes.seconds("ppo", steps=1)
    each = (all_of_them - one) / (wanted - 1)
    return max(0, 1 + int((room - one) / each))


def _make(recipes: UpdateRecipes, cut: Cut) -> None:
    for stage in cut.stages:
        now = vars(recipes[stage])[cut.name]
        smaller = type(now)(cut.smaller(now))
        if smaller < now:
            changed = vars(with_size(recipes[stage], cut.name, smaller))
            names = (cut.name, "minibatches") if cut.name == "batch_size" else (cut.name,)
            recipes.choose(stage, {name: Choice(changed[name], Why.TIME) for name in names})


def _by_checkpoints(recipes: UpdateRecipes, recipe: Recipe) -> Choices:
    """Checkpoints often enough that a killed run loses little."""
    seconds, _, steps = recipes.count(recipe)
    every = max(1, int(_LOST_SECONDS * steps / max(1.0, seconds)))
    if every >= vars(recipe)["checkpoint_every"]:
        return {}
    return {"checkpoint_every": Choice(every, Why.CHECKPOINTS)}


def _as_json(recipes: UpdateRecipes) -> dict[str, Any]:
    """Bytes, seconds and watts; `high` and `low` are the honest width of the time."""
    facts, stages = recipes.facts, {stage: _stage(recipes, stage) for stage in UPDATE}
    total = sum(each["seconds"] for each in stages.values())
    return {
        "parameters": recipes.parameters,
        "machine": asdict(recipes.machine("ppo")),
        "budget": facts.seconds,
        "pace": facts.pace,
        "answers": len(recipes.material.answers),
        "longest_answer": recipes.material.longest_answer(_NEARLY_ALL),
        "pairs": facts.pairs,
        "rows": facts.rows,
        "seconds": {"total": total, "low": total / TIME_FACTOR, "high": total * TIME_FACTOR},
        "memory": max(each["memory"] for each in stages.values()),
        "stages": stages,
    }


def _stage(recipes: UpdateRecipes, stage: str) -> dict[str, Any]:
    """What was chosen for a stage and by what, and what it will take; watts are null where unknown.

    A stage that learns also has what it would take with every weight of the base.
    """
    recipe = recipes[stage]
    seconds, memory, _ = recipes.count(recipe)
    chosen = recipes.chosen[stage].items()
    planned = {
        "settings": {name: {"value": value, "why": str(why)} for name, (value, why) in chosen},
        "seconds": seconds,
        "memory": memory,
        "watts": expected_watts(recipe),
    }
    if not isinstance(recipe, LoRARecipe):
        return planned
    whole = recipes.count_every_weight(recipe)
    return planned | {"every_weight": dict(zip(("seconds", "memory"), whole, strict=True))}
