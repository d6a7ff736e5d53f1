"""The forms of training."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.errors import RefusedError
from annotator.forms.compared import ComparedForm
from annotator.text.strict_json import BadJSONError, load_json
from training.cron import CronError, next_times, zone_names
from training.models import ServingSettings
from training.models.serving import FEWEST_TOKENS, MOST_TOKENS
from training.services.runs.recipes import Settings, check_settings

# Names of whole places, without the zones that exist for compatibility with old software.
AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


def zone_choices() -> list[tuple[str, str]]:
    zones = sorted(name for name in zone_names() if name.partition("/")[0] in AREAS)
    return [(name, name.replace("_", " ")) for name in ["UTC", *zones]]


class ServingForm(ComparedForm, forms.Form):
    audience = forms.ChoiceField(label=_("Who is answered"), choices=ServingSettings.Audience.choices)
    max_answer_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        min_value=FEWEST_TOKENS,
        max_value=MOST_TOKENS,
        help_text=_("An answer is cut off there. A token is three quarters of an English word or so."),
    )


class ScheduleForm(ComparedForm, forms.Form):
    is_enabled = forms.BooleanField(label=_("Run updates on a schedule"), required=False)
    cron = forms.CharField(
        label=_("When (cron expression)"),
        max_length=100,
        help_text=_(
            "Minute, hour, day of month, month, day of week. “0 3 * * 1” is every Monday at 3:00, "
            "“30 22 * * 5” every Friday at 22:30."
        ),
    )
    timezone = forms.ChoiceField(label=_("Time zone"), choices=zone_choices)
    min_new_judgments = forms.IntegerField(
        label=_("New judgments needed"),
        min_value=0,
        max_value=1_000_000,
        help_text=_("With fewer since the last update, a scheduled update is skipped."),
    )
    settings = forms.CharField(
        label=_("Settings of the stages"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_(
            "JSON, one entry per stage: reward (reward model), ppo (training), generate (answers), evaluate "
            '(evaluation). For example {"ppo": {"steps": 120}}. What is not named keeps the default. They '
            "count for updates started by hand too, and when one is tried again."
        ),
    )

    def clean_settings(self) -> Settings:
        text = self.cleaned_data["settings"].strip()
        try:
            settings = load_json(text) if text else {}
            check_settings(settings)
        except BadJSONError as error:
            raise ValidationError(_("This is not valid JSON: %(why)s.") % {"why": error}) from error
        except RefusedError as refused:
            raise ValidationError(str(refused)) from refused
        return settings

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if {"cron", "timezone"} <= data.keys():
            try:
                next_times(data["cron"], data["timezone"], timezone.now(), 1)
            except CronError as error:
                self.add_error("cron", str(error))
        return data
