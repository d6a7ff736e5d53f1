"""The settings of an update as sections of a form, one for each stage."""

from dataclasses import dataclass

from django.forms import BoundField
from django.utils.translation import gettext as _

from training.forms.schedule import ScheduleForm
from training.recipe_fields import Setting, range_words, settings_of_stage
from training.rlhf import stages as engine
from training.services.runs.recipes import SETTABLE

from .plans import NextPlan, value_words


@dataclass(frozen=True)
class Section:
    """A stage's fields; `count` of them have a value, and one that is wrong is to be seen."""

    label: object
    fields: list[BoundField]
    count: int
    has_errors: bool


def sections_of(form: ScheduleForm, plan: NextPlan | None) -> list[Section]:
    """The stages with their fields, each of which says what it is for and what is chosen without it."""
    sections = []
    for stage in SETTABLE:
        bound = []
        for setting in settings_of_stage(stage):
            form.fields[setting.key].help_text = _help(setting, plan)
            bound.append(form[setting.key])
        count = sum(field.value() not in (None, "") for field in bound)
        has_errors = any(field.errors for field in bound)
        sections.append(Section(_(engine.STAGES[stage].label), bound, count, has_errors))
    return sections


def _help(setting: Setting, plan: NextPlan | None) -> str:
    parts = [setting.reason]
    if words := range_words(setting.allowed):
        parts.append(_("Allowed: %(range)s.") % {"range": words})
    chosen = plan.chosen.get((setting.stage, setting.name)) if plan else None
    default = setting.field.default
    if chosen is not None:
        parts.append(_("Now: %(value)s (%(why)s).") % {"value": chosen.value, "why": chosen.why})
    elif default is not None:
        parts.append(_("Left empty: %(value)s.") % {"value": value_words(default)})
    return " ".join(parts)
