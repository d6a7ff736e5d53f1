"""What the log's page is narrowed to."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.forms.people import DAY
from annotator.log_words import SENTENCES, Group
from annotator.models import Project, User
from annotator.models.audit import AuditEventQuerySet


class DayField(forms.DateField):
    """A day on which there may be a log."""

    def __init__(self, **kwargs: Any) -> None:
        bounds = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
        widget = forms.DateInput({"type": "date"}, DAY)
        super().__init__(input_formats=[DAY], widget=widget, validators=bounds, **kwargs)


class LogForm(forms.Form):
    group = forms.ChoiceField(label=_("About"), required=False, choices=[("", _("All")), *Group.choices])
    person = forms.ModelChoiceField(
        label=_("Person"), required=False, queryset=User.objects.none(), empty_label=_("All")
    )
    since = DayField(label=_("From"), required=False)
    until = DayField(label=_("Until"), required=False)

    def __init__(self, data: Any, *, project: Project) -> None:
        super().__init__(data)
        acted = project.audit_events.exclude(actor=None).order_by().values("actor")
        self.fields["person"].queryset = User.objects.filter(pk__in=acted).order_by("name", "email")  # type: ignore[attr-defined]

    def narrowed(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        """The rows that were asked for; what makes no sense narrows nothing."""
        self.is_valid()
        asked = self.cleaned_data
        if group := asked.get("group"):
            events = events.filter(verb__in=[verb for verb, each in SENTENCES.items() if each.group == group])
        if person := asked.get("person"):
            events = events.filter(actor=person)
        if since := asked.get("since"):
            events = events.filter(created_at__gte=midnight(since))
        if until := asked.get("until"):
            events = events.filter(created_at__lt=midnight(until + timedelta(days=1)))
        return events


def midnight(day: date) -> datetime:
    """When the day begins on the page's clock."""
    return timezone.make_aware(datetime.combine(day, time.min))
