"""The settings in which two updates differ, and what was planned for them."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from training.models import Update
from training.recipe_fields import settings_of_stage
from training.rlhf import stages as engine
from training.services.runs.recipes import STAGES, chosen_settings
from training.templatetags.figures import rough_duration
from training.views.plans import PlanView, plan_of, value_words

NONE = "–"


@dataclass(frozen=True)
class Difference:
    """A value that two updates do not share; `meaning` says what it is for."""

    label: str
    earlier: str
    later: str
    meaning: str = ""


def differences_of(earlier: Update, later: Update) -> list[Difference]:
    """The settings that differ, stage by stage, then what the engine planned with them."""
    return [*_settings(earlier, later), *_plans(plan_of(earlier), plan_of(later))]


def settings_at(update: Update, stage: str) -> dict[str, Any]:
    """The settings of a stage as its newest run had them, or as it would begin."""
    recipe = fields(engine.STAGES[stage].recipe)
    defaults = {each.name: each.default for each in recipe if each.default is not MISSING}
    if run := update.run_of(stage):
        return defaults | run.recipe
    return defaults | chosen_settings(update.plan, stage) | update.settings.get(stage, {})


def _settings(earlier: Update, later: Update) -> Iterator[Difference]:
    for stage in STAGES:
        before, after = settings_at(earlier, stage), settings_at(later, stage)
        for setting in settings_of_stage(stage):
            values = before.get(setting.name), after.get(setting.name)
            if values[0] != values[1]:
                yield Difference(setting.label, _words(values[0]), _words(values[1]), setting.reason)


def _words(value: Any) -> str:
    return NONE if value is None else value_words(value)


def _plans(earlier: PlanView | None, later: PlanView | None) -> Iterator[Difference]:
    """What was planned, in the words of a page: what reads the same is no difference."""
    rows: dict[str, Callable[[PlanView], str]] = {
        _("Longest time it may take"): lambda plan: rough_duration(plan.budget),
        _("Planned time"): lambda plan: rough_duration(plan.seconds),
        _("Planned memory"): lambda plan: filesizeformat(plan.memory),
    }
    for label, words in rows.items():
        before, after = (words(plan) if plan else NONE for plan in (earlier, later))
        if before != after:
            yield Difference(label, before, after)
