"""The forms of the page of members and invitations."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Role
from annotator.models.invitations import DAYS_VALID, MOST_DAYS_VALID, MOST_JOINS

DAY = "%Y-%m-%d"
"""How browsers send a day."""


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        help_text=_(
            "If you give one, only this address can use the link. Chorus does not mail it: you pass it on."
        ),
    )
    days = forms.IntegerField(
        label=_("Days the link works"), min_value=1, max_value=MOST_DAYS_VALID, initial=DAYS_VALID
    )


class InviteManyForm(forms.Form):
    """People to invite by mail; which addresses are wrong, the service says."""

    addresses = forms.CharField(
        label=_("E-mail addresses"),
        strip=False,
        max_length=30_000,
        widget=forms.Textarea(attrs={"rows": 6, "dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Commas, blanks or lines between them; Ada Lovelace &lt;ada@example.org&gt; is fine, too."
        ),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    days = forms.IntegerField(
        label=_("Days the links work"), min_value=1, max_value=MOST_DAYS_VALID, initial=14
    )

    def __init__(self, data: Any = None) -> None:
        # The form for one person, on the same page, has fields of these names.
        super().__init__(data, auto_id="many_%s")


class OpenLinkForm(forms.Form):
    most_joins = forms.IntegerField(
        label=_("How many may join"), min_value=1, max_value=MOST_JOINS, initial=50
    )
    last_day = forms.DateField(
        label=_("Last day"),
        input_formats=[DAY],
        widget=forms.DateInput(format=DAY, attrs={"type": "date"}),
        initial=lambda: timezone.localdate() + timedelta(days=DAYS_VALID),
    )

    def clean_last_day(self) -> date:
        day: date = self.cleaned_data["last_day"]
        today = timezone.localdate()
        if not today <= day <= today + timedelta(days=MOST_DAYS_VALID):
            words = _("Choose a day from today on, at most %(days)d days from now.")
            raise ValidationError(words % {"days": MOST_DAYS_VALID})
        return day


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
