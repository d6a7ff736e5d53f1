"""When something is done by itself: days and a time, or a cron expression."""

from datetime import time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from annotator.forms.compared import ComparedForm
from training.cron import CronError, next_times, weekly_expression, weekly_of
from training.models import Routine


def times_of(cron: str) -> dict[str, Any]:
    """A stored expression as the fields show it."""
    weekly = weekly_of(cron)
    return {"days": weekly[0], "at": f"{weekly[1]:%H:%M}"} if weekly else {"cron": cron}


class TimesForm(ComparedForm, forms.Form):
    """Days and a time, or an expression; `TIMES` are the fields beside the expression."""

    TIMES: tuple[str, ...] = ("is_enabled", "days", "at")

    is_enabled = forms.BooleanField(label=_("Do this on a schedule"), required=False)
    days = forms.MultipleChoiceField(
        label=_("Days"), choices=tuple(WEEKDAYS.items()), widget=forms.CheckboxSelectMultiple, required=False
    )
    at = forms.TimeField(
        label=_("Time of day"),
        input_formats=["%H:%M"],
        widget=forms.TimeInput(attrs={"type": "time"}),
        required=False,
    )
    cron = forms.CharField(
        label=_("Cron expression"),
        max_length=100,
        required=False,
        help_text=_(
            "It counts instead of the days and the time above. Minute, hour, day of month, month, day of "
            "week: “30 22 1 * *” is the first of every month at 22:30."
        ),
    )

    @property
    def times(self) -> list[forms.BoundField]:
        """The fields beside the expression, and without those of stages."""
        return [self[name] for name in self.TIMES]

    @property
    def expression(self) -> str:
        """When, as a cron expression, of what was entered or is stored; empty without days or a time."""
        cron = str(self["cron"].value() or "").strip()
        try:
            days = [int(day) for day in self["days"].value() or ()]
            at = time.fromisoformat(str(self["at"].value() or ""))
        except ValueError:
            return cron
        return cron or (weekly_expression(days, at) if days else "")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if {"days", "at", "cron"} <= data.keys():
            self._check_time(data)
        return data | {"cron": self.expression}

    def _check_time(self, data: dict[str, Any]) -> None:
        if not data["cron"]:
            if not data["days"]:
                self.add_error("days", _("Choose at least one day."))
            if not data["at"]:
                self.add_error("at", _("Enter a time."))
            return
        try:
            next_times(data["cron"], "UTC", timezone.now(), 1)
        except CronError as error:
            self.add_error("cron", str(error))


class RoutineForm(TimesForm):
    """When a part of the week is done by itself."""

    @classmethod
    def of(cls, stored: Routine) -> "RoutineForm":
        """The form as it shows a stored routine."""
        return cls(initial={"is_enabled": stored.is_enabled} | times_of(stored.cron))
