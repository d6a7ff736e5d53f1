"""How much preferences from the chat count in training: as much as they agree with those from the desk.

A model that learned from the desk alone (rankings and rewrites) orders two kinds of pairs: the desk's on
held-out prompts, where its accuracy is a_d, and those of another source, where it is a_s. Where its
mistakes and the source's are independent,

    2 a_s - 1 = (2 a_d - 1) (2 p - 1),

p the probability that the source orders a pair as the desk does. So (2 a_s - 1) / (2 a_d - 1) is 1 for a
source as good as the desk, and 0 for a coin. The weight is that ratio, between 0 and 1, with the lower end
of the 95 % interval of a_s in its place: a source counts as far as the pairs show that it should.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.rlhf.intervals import share_interval
from training.rlhf.stages.reward.comparisons import Example
from training.rlhf.stages.reward.members import Member, plan_members
from training.rlhf.stages.reward.preferences import Examples
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.report import order_correct

CHAT = ("chat", "chat_rewrite")
UNKNOWN = 0.5
"""The weight where it cannot be measured: neither trusted like the desk nor left out."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """What tells the weights: a member that learns from the desk alone, and the pairs that it orders then."""

    member: Member
    examples: list[Example]


@dataclass(frozen=True)
class Source:
    """A source of preferences: its weight, whether that was `set`, `measured` or is `unknown`, and why.

    `accuracy` is that of the model of the desk on `pairs` of the source, with its interval over prompts.
    """

    weight: float
    origin: str
    pairs: int
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None


def source_of(example: Example) -> str:
    """One of CHAT, or `desk` for all others."""
    return example.preference.source if example.preference.source in CHAT else "desk"


def plan_probe(recipe: RewardRecipe, examples: Examples) -> Probe | None:
    """The probe; None where no weight has to be measured, or none can be: the desk has too few pairs."""
    found = {source_of(each) for each in examples.learned}
    desk = [each for each in examples.learned if source_of(each) == "desk"]
    held_out = [each for each in examples.held_out if source_of(each) == "desk"]
    if not any(_set_weight(recipe, source) is None for source in found - {"desk"}):
        return None
    if len(desk) < recipe.min_pairs or not held_out:
        return None
    known = {each.preference.prompt_id for each in desk}
    others = [
        each
        for each in (*examples.learned, *examples.held_out)
        if source_of(each) != "desk" and each.preference.prompt_id not in known
    ]
    return Probe(plan_members(replace(recipe, ensemble_size=1), desk)[0], held_out + others)


def weigh_sources(
    recipe: RewardRecipe, examples: Examples, probe: Probe | None, margins: Floats | None
) -> dict[str, Source]:
    """The sources learned from; `margins` are those of the probe's examples, chosen less rejected."""
    scored = _accuracies(recipe, probe, margins)
    sources = {}
    for name in sorted({source_of(each) for each in examples.learned}):
        pairs = sum(source_of(each) == name for each in examples.learned)
        seen = scored.get(name, {})
        given = 1.0 if name == "desk" else _set_weight(recipe, name)
        if given is not None:
            sources[name] = Source(given, "set", pairs, **seen)
        elif (measured := _measured(seen, scored.get("desk", {}))) is not None:
            sources[name] = Source(measured, "measured", pairs, **seen)
        else:
            sources[name] = Source(UNKNOWN, "unknown", pairs, **seen)
    return sources


def weighted(examples: Sequence[Example], sources: Mapping[str, Source]) -> list[Example]:
    """The examples with their weights times their source's; those that count nothing are left out."""
    counted = [
        replace(
            each,
            preference=replace(
                each.preference, weight=each.preference.weight * sources[source_of(each)].weight
            ),
        )
        for each in examples
    ]
    return [each for each in counted if each.preference.weight > 0]


def as_json(sources: Mapping[str, Source]) -> dict[str, dict[str, Any]]:
    """The sources as reports have them, without what is not known."""
    return {
        name: {key: value for key, value in asdict(source).items() if value is not None}
        for name, source in sources.items()
    }


def _set_weight(recipe: RewardRecipe, source: str) -> float | None:
    return {"chat": recipe.chat_weight, "chat_rewrite": recipe.chat_rewrite_weight}[source]


def _accuracies(
    recipe: RewardRecipe, probe: Probe | None, margins: Floats | None
) -> dict[str, dict[str, float]]:
    """By source the accuracy of the probe on its pairs, with the interval."""
    if probe is None or margins is None:
        return {}
    correct = order_correct(margins, np.array([each.preference.probability for each in probe.examples]))
    decided = np.array([each.preference.probability != 0.5 for each in probe.examples])
    names = np.array([source_of(each) for each in probe.examples])
    prompts = np.array([each.preference.prompt_id for each in probe.examples])
    found = {}
    for name in np.unique(names[decided]):
        own = decided & (names == name)
        low, high = share_interval(correct[own], prompts[own].tolist(), seed=recipe.seed)
        found[str(name)] = {
            "accuracy": float(correct[own].mean()),
            "accuracy_low": low,
            "accuracy_high": high,
        }
    return found


def _measured(source: Mapping[str, float], desk: Mapping[str, float]) -> float | None:
    """The weight by the formula above; None where the desk's own model is not surely better than a coin."""
    if not source or not desk or desk["accuracy_low"] <= 0.5:
        return None
    ratio = (2 * source["accuracy_low"] - 1) / (2 * desk["accuracy"] - 1)
    return round(min(1.0, max(0.0, ratio)), 3)
