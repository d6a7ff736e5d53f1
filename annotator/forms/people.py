"""The forms of the page of members and invitations."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import Role
from annotator.models.invitations import DAYS_VALID, MOST_DAYS_VALID


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        help_text=_("If you give one, only this address can use the link. Chorus sends no mail: you do."),
    )
    days = forms.IntegerField(
        label=_("Days the link works"), min_value=1, max_value=MOST_DAYS_VALID, initial=DAYS_VALID
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
