"""The forms of a person's own account."""

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotator.models import User
from annotator.services.sign_in import ask_for_new_password


class NameForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": _("Your name")}


class NewPasswordForm(ResetPasswordForm):  # type: ignore[misc]
    """Asks for a mail: the same work for an address with an account and for one without."""

    def save(self, request: HttpRequest, **kwargs: object) -> str:
        ask_for_new_password(next(iter(self.users), None), language=get_language() or "")
        return str(self.cleaned_data["email"])
