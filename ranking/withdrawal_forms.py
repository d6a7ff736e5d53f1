"""Forms for leaving a project and erasing an account."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.models import User


class LeaveForm(forms.Form):
    KEEP, WITHDRAW = "keep", "withdraw"

    judgments = forms.ChoiceField(
        label=_("What becomes of your judgments"),
        choices=[
            (KEEP, _("Keep them: they continue to count")),
            (WITHDRAW, _("Withdraw them: they are deleted")),
        ],
        widget=forms.RadioSelect,
    )
    sure = forms.BooleanField(label=_("I know that this cannot be undone."))

    @property
    def withdraws(self) -> bool:
        return bool(self.cleaned_data["judgments"] == self.WITHDRAW)


class EraseForm(forms.Form):
    email = forms.CharField(
        label=_("Your e-mail address, to be sure that you mean it"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if email.casefold() != self.user.email.casefold():
            raise forms.ValidationError(_("This is not the address of your account."))
        return email
