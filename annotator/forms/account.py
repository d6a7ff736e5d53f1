"""The form of a person's own account."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import User


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": _("Your name")}
