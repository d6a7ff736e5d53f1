"""The forms of training."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.errors import RefusedError
from annotator.forms.compared import ComparedForm
from training.models import Gate, Schedule, ServingSettings
from training.models.serving import FEWEST_TOKENS, MOST_TOKENS
from training.recipe_fields import entered, initial_of, recipe_fields
from training.services.runs.recipes import SETTABLE, Settings, check_settings

from .times import TimesForm, times_of


class ServingForm(ComparedForm, forms.Form):
    audience = forms.ChoiceField(label=_("Who is answered"), choices=ServingSettings.Audience.choices)
    max_answer_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        min_value=FEWEST_TOKENS,
        max_value=MOST_TOKENS,
        help_text=_("An answer is cut off there. A token is three quarters of an English word or so."),
    )


class HoursField(forms.CharField):
    """A time in hours and minutes, `8:00` or `8`, as whole minutes."""

    default_error_messages = {
        "hours": _("Write hours and minutes, such as 8:00 for a night or 0:20 for twenty minutes."),
        "least": _("An update needs a minute at least, and may take a week at most."),
    }
    _MOST_MINUTES = 7 * 24 * 60

    def prepare_value(self, value: Any) -> Any:
        return f"{value // 60}:{value % 60:02}" if isinstance(value, int) else value

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        read = re.fullmatch(r"([0-9]{1,4})(?::([0-5]?[0-9]))?", text.strip())
        if read is None:
            raise ValidationError(self.error_messages["hours"])
        minutes = 60 * int(read[1]) + int(read[2] or 0)
        if not 1 <= minutes <= self._MOST_MINUTES:
            raise ValidationError(self.error_messages["least"])
        return minutes

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != data)


# With a field for each setting of each stage.
_RecipesForm: Any = type("RecipesForm", (forms.Form,), recipe_fields())


class ScheduleForm(TimesForm, _RecipesForm):
    """When a project is updated, how long that may take, and the settings that are not to be chosen."""

    SCHEDULE = (
        "is_enabled",
        "min_new_judgments",
        "min_people",
        "min_pairs",
        "min_agreement",
        "update_minutes",
        "gate",
    )
    TIMES = ("is_enabled", "days", "at", *SCHEDULE[1:])

    is_enabled = forms.BooleanField(label=_("Run updates on a schedule"), required=False)
    min_new_judgments = forms.IntegerField(
        label=_("New judgments needed"),
        min_value=0,
        max_value=1_000_000,
        help_text=_("With fewer since the last update, a scheduled update is skipped. 0 asks for none."),
    )
    min_people = forms.IntegerField(
        label=_("People needed"),
        min_value=0,
        max_value=1_000_000,
        help_text=_("Who gave these judgments, simulated volunteers left out. Likewise."),
    )
    min_pairs = forms.IntegerField(
        label=_("Decided pairs needed"),
        min_value=0,
        max_value=1_000_000,
        help_text=_("Pairs of answers of which people prefer one. Likewise."),
    )
    min_agreement = forms.IntegerField(
        label=_("Agreement needed, in percent"),
        min_value=0,
        max_value=100,
        help_text=_(
            "Of each two people who judged the same pair, how many agree; 50 is chance. Not asked for while "
            "fewer than 20 such votes can be compared."
        ),
    )
    update_minutes = HoursField(
        label=_("How long an update may take (hours:minutes)"),
        max_length=10,
        help_text=_("8:00 is a night, 0:20 twenty minutes. The settings are chosen so that it fits."),
    )

    gate = forms.ChoiceField(
        label=_("Who decides about a new version"),
        choices=Gate.choices,
        help_text=_(
            "A blind test shows people answers of both versions among the others, on held-out questions that "
            "no test has used. What a version must pass is on its page."
        ),
    )

    @classmethod
    def of(cls, stored: Schedule) -> "ScheduleForm":
        """The form as it shows a stored schedule."""
        initial = {name: getattr(stored, name) for name in cls.SCHEDULE}
        return cls(initial=initial | times_of(stored.cron) | initial_of(stored.settings))

    @property
    def schedule(self) -> dict[str, Any]:
        """What was entered, as `save_schedule` takes it."""
        return {name: self.cleaned_data[name] for name in (*self.SCHEDULE, "cron", "settings")}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        return data | {"settings": self._settings(data)}

    def _settings(self, data: dict[str, Any]) -> Settings:
        """What was entered for each stage; what contradicts itself is said at the field that it is about."""
        settings = {stage.value: values for stage in SETTABLE if (values := entered(stage, data))}
        for stage, values in settings.items():
            try:
                check_settings({stage: values})
            except RefusedError as refused:
                words = (f"{stage}-{word}" for word in re.findall(r"\w+", str(refused)))
                self.add_error(next((word for word in words if word in self.fields), None), str(refused))
        return settings
