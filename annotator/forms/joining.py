"""The form of somebody who joins without an account."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.models import User


class JoinForm(forms.Form):
    """What a new person says about themselves; an invitation's own address cannot be changed."""

    name = forms.CharField(label=_("Your name"), max_length=150, help_text=_("Other members see it."))
    email = forms.EmailField(label=_("E-mail address"), help_text=_("You sign in with it."))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, not a common word, not only digits."),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["email"].widget.attrs["autocomplete"] = "email"
        if email:
            self.fields["email"].initial = email
            self.fields["email"].disabled = True

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if {"name", "email", "password"} <= data.keys():
            try:
                validate_password(data["password"], User(name=data["name"], email=data["email"]))
            except ValidationError as error:
                self.add_error("password", error)
        return data
