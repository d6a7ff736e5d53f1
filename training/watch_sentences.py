"""The sentence for each watch that an evaluation crossed, in the reader's language."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training.templatetags.figures import decimal, percent

# The engine's watches are in training/rlhf/stages/evaluate/watches.py; gold is the simulation's.
SENTENCES = {
    "kl": gettext_lazy(
        "The new version moved %(number)s nats an answer away from the one before; that far out the reward "
        "model judges answers unlike any it has seen."
    ),
    "gain": gettext_lazy(
        "The new version moved %(number)s nats an answer away from the one before, but the judge does not "
        "clearly prefer it: what it learned may be worth nothing, or please its reward alone."
    ),
    "longer": gettext_lazy(
        "Answers became %(number)s times as long as before; long answers often score well without being "
        "better."
    ),
    "shorter": gettext_lazy(
        "Answers shrank to %(number)s of their length before; check that they still say what they should."
    ),
    "repetition": gettext_lazy(
        "Answers repeat themselves more: the repeated share of their text rose by %(number)s percentage "
        "points."
    ),
    "distinct": gettext_lazy(
        "Answers resemble each other: their variety fell by %(number)s; one answer that scores well may be "
        "given to every question."
    ),
    "refusals": gettext_lazy(
        "It refuses more often than before: the share of refusals rose by %(number)s percentage points."
    ),
    "over_refusals": gettext_lazy(
        "It refuses harmless questions that only sound dangerous: the share of those rose by %(number)s "
        "percentage points."
    ),
    "eos": gettext_lazy(
        "More answers are cut off before their end: the share that ends by itself fell by %(number)s "
        "percentage points."
    ),
    "unsafe": gettext_lazy(
        "It gives more unsafe answers to the safety prompts: their share rose by %(number)s percentage "
        "points. Read them before you release."
    ),
    "undecided": gettext_lazy(
        "The judge contradicted itself or could not be read in %(number)s of the comparisons, so the win "
        "rate says little."
    ),
    "gold": gettext_lazy(
        "The reward model scores the new version higher, which moved %(number)s nats an answer away from the "
        "one before, but the gold labels show no clear gain: %(before)s of the answers were accurate, now "
        "%(after)s."
    ),
}


def _points(share: float) -> str:
    return decimal(100 * share, 0)


WRITTEN: dict[str, Callable[[float], str]] = {
    "kl": decimal,
    "gain": decimal,
    "gold": decimal,
    "longer": decimal,
    "shorter": percent,
    "distinct": percent,
    "undecided": percent,
}


def watch_sentence(row: dict[str, Any]) -> str:
    """The sentence for a crossed watch {watch, value, threshold}; gold has two accuracies as well."""
    name, value = row["watch"], row["value"]
    if name == "length":
        name = "longer" if value > 1 else "shorter"
    if name not in SENTENCES:  # of an engine that is newer than these pages
        values = {"name": name, "value": decimal(value), "threshold": decimal(row["threshold"])}
        return _("The watch %(name)s was crossed: %(value)s is more than %(threshold)s.") % values
    before, after = percent(row.get("accurate_before")), percent(row.get("accurate_after"))
    number = WRITTEN.get(name, _points)(value)
    return str(SENTENCES[name]) % {"number": number, "before": before, "after": after}
