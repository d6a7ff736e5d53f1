"""The forms of somebody who joins a project."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.codes.languages import language_name, languages_of_browser
from annotator.models import Project, User
from annotator.models.personal_settings import primary_language


class LanguagesForm(forms.Form):
    """The languages that a member reads, asked once on joining, with those of the browser chosen at first."""

    languages = forms.MultipleChoiceField(
        label=_("Languages that you read"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "You get comparisons in these languages. Choose none to get them in any; your settings have more."
        ),
    )

    def __init__(self, *args: Any, project: Project, accept_language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        read = languages_of_browser(accept_language)
        asked = project.prompts.in_use().order_by().values_list("language", flat=True).distinct()
        pages = [code for code, _name in settings.LANGUAGES]
        offered = {primary_language(tag) for tag in (*read, *asked, *pages)}
        self.fields["languages"].choices = sorted(  # type: ignore[attr-defined]
            ((code, language_name(code)) for code in offered), key=lambda choice: choice[1].casefold()
        )
        self.fields["languages"].initial = read


class JoinForm(LanguagesForm):
    """What a new person enters about themselves; an invitation's own address cannot be changed."""

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
        self.order_fields(["name", "email", "password", "languages"])
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
