"""Form fields made from the settings of recipes: one for each that a coordinator may set."""

import types
from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training.rlhf import stages as engine
from training.rlhf.recipes import Range
from training.services.runs.recipes import CHOSEN_BY_UPDATE, SETTABLE

LONGEST_TEXT = 500
LARGEST_WHOLE, LARGEST = 2**32 - 1, 1e15  # as recipes take them
AUTOMATIC = ("", gettext_lazy("chosen automatically"))


@dataclass(frozen=True)
class Setting:
    """A setting of a stage, as its recipe declares it."""

    stage: str
    field: "Field[Any]"
    kind: Any

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def key(self) -> str:
        """Its name in the form."""
        return f"{self.stage}-{self.name}"

    @property
    def label(self) -> str:
        """`ppo.steps (iterations)`, in the reader's language."""
        unit = self.field.metadata["unit"]
        said = _(unit) if unit else ""
        return f"{self.stage}.{self.name} ({said})" if said else f"{self.stage}.{self.name}"

    @property
    def reason(self) -> str:
        said = _(self.field.metadata["help"])
        return f"{capfirst(said)}."

    @property
    def allowed(self) -> Range:
        allowed: Range = self.field.metadata["range"]
        return allowed


def settings_of_stage(stage: str) -> Iterator[Setting]:
    """The settings that are not the update's own business."""
    recipe = engine.STAGES[stage].recipe
    hints = get_type_hints(recipe)
    for each in fields(recipe):
        if each.name not in CHOSEN_BY_UPDATE:
            yield Setting(stage, each, _without_none(hints[each.name]))


def recipe_fields() -> dict[str, forms.Field]:
    """A field for each setting of an update; empty leaves it to what is chosen automatically."""
    return {each.key: _field(each) for stage in SETTABLE for each in settings_of_stage(stage)}


def initial_of(settings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the fields show of stored settings."""
    return {
        f"{stage}-{name}": str(value).lower() if isinstance(value, bool) else value
        for stage, values in settings.items()
        for name, value in values.items()
    }


def entered(stage: str, cleaned: dict[str, Any]) -> dict[str, Any]:
    """The settings of a stage that a form has values for."""
    values = {each.name: cleaned.get(each.key) for each in settings_of_stage(stage)}
    return {name: value for name, value in values.items() if value not in (None, "")}


def range_words(allowed: Range) -> str:
    """The numbers that a setting may have, for people; empty where any will do."""
    words = {"least": _number(allowed.least), "most": _number(allowed.most), "above": _number(allowed.above)}
    if allowed.most is not None and allowed.least is not None:
        return _("%(least)s to %(most)s") % words
    if allowed.most is not None:
        return _("more than %(above)s, up to %(most)s") % words
    if allowed.above is not None:
        return _("more than %(above)s") % words
    return _("%(least)s or more") % words if allowed.least is not None else ""


def _field(setting: Setting) -> forms.Field:
    kind, allowed = setting.kind, setting.allowed
    shared: dict[str, Any] = {"required": False, "label": lazy(lambda: setting.label, str)()}
    if kind is bool:
        choices = [AUTOMATIC, ("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))]
        return forms.TypedChoiceField(
            choices=choices, coerce=lambda value: value == "true", empty_value=None, **shared
        )
    if get_origin(kind) is Literal:
        return forms.ChoiceField(choices=[AUTOMATIC, *((each, each) for each in get_args(kind))], **shared)
    if kind is int:
        least = allowed.least if allowed.above is None else allowed.above + 1
        most = LARGEST_WHOLE if allowed.most is None else allowed.most
        return forms.IntegerField(min_value=_whole(least), max_value=_whole(most), **shared)
    if kind is float:
        most = LARGEST if allowed.most is None else allowed.most
        above = [_MoreThan(allowed.above)] if allowed.above is not None else []
        return forms.FloatField(
            min_value=allowed.least,
            max_value=most,
            validators=above,
            widget=forms.NumberInput(attrs={"step": "any"}),
            **shared,
        )
    return forms.CharField(max_length=LONGEST_TEXT, **shared)


@dataclass(frozen=True)
class _MoreThan:
    """A validator of numbers; NumberInput's own least number may be reached."""

    bound: float

    def __call__(self, value: float) -> None:
        if not value > self.bound:
            raise ValidationError(_("This has to be more than %(bound)s.") % {"bound": _number(self.bound)})


def _without_none(hint: Any) -> Any:
    """The type of a value that is not None."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(each for each in get_args(hint) if each is not type(None))
    return hint


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.10g}"
