"""The form of what a person sets for themselves."""

from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundWidget
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from annotator.codes.languages import NAMES, language_name
from annotator.models import Prompt, Role, User
from annotator.models.personal_settings import Motion, TextSize, Theme, primary_language

from .compared import ComparedForm

MAIL = {
    "mail_round_opened": (_("a new round is open"), ""),
    "mail_round_ending": (
        _("a round has one more day, and I have not ranked in it"),
        _("If you are told of new rounds."),
    ),
    "mail_learned": (_("a version that learned from my judgments is live"), ""),
}
MAIL_OF_COORDINATORS = {
    "mail_failed": (
        _("an update or the sampling of answers failed, or a planned update had too little data"),
        "",
    ),
    "mail_candidate": (_("a version waits for a decision"), ""),
    "mail_decided": (_("another coordinator released a version, rejected it or went back"), ""),
    "mail_report": (_("a report is due, where one is scheduled"), ""),
}


class SettingsForm(ComparedForm, forms.ModelForm):
    languages = forms.MultipleChoiceField(
        label=_("Languages that you read"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("You get comparisons in these languages. Choose none to get them in any."),
    )
    interface_language = forms.ChoiceField(
        label=_("Language of the pages"),
        required=False,
        choices=[("", _("As my browser asks for")), *settings.LANGUAGES],
    )
    text_size = forms.ChoiceField(
        label=_("Size of the text"), choices=TextSize.choices, widget=forms.RadioSelect
    )
    theme = forms.ChoiceField(label=_("Light or dark"), choices=Theme.choices, widget=forms.RadioSelect)
    reduced_motion = forms.ChoiceField(
        label=_("Animations"), choices=Motion.choices, widget=forms.RadioSelect
    )

    class Meta:
        model = User
        fields = (
            "languages",
            "shortcuts",
            "interface_language",
            "text_size",
            "theme",
            "reduced_motion",
            *MAIL,
            *MAIL_OF_COORDINATORS,
        )
        labels = {
            "shortcuts": _("Rank with keys"),
            **{name: label for name, (label, _help) in (MAIL | MAIL_OF_COORDINATORS).items()},
        }
        help_texts = {
            "shortcuts": _("Turn it off if keys get in the way of your screen reader or of dictation."),
            **{name: help_text for name, (_label, help_text) in MAIL.items()},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.memberships.filter(role=Role.COORDINATOR).exists():
            for name in MAIL_OF_COORDINATORS:
                del self.fields[name]
        self.near = self._near()
        codes = {*NAMES, *self.near}
        self.fields["languages"].choices = sorted(  # type: ignore[attr-defined]
            ((code, language_name(code)) for code in codes), key=_by_name
        )

    @property
    def near_languages(self) -> list[BoundWidget]:
        """The boxes of the languages that a person here is likely to read."""
        return [box for box in self["languages"] if box.data["value"] in self.near]

    @property
    def other_languages(self) -> list[BoundWidget]:
        return [box for box in self["languages"] if box.data["value"] not in self.near]

    @property
    def mail(self) -> list[forms.BoundField]:
        return [self[name] for name in MAIL | MAIL_OF_COORDINATORS if name in self.fields]

    def _near(self) -> set[str]:
        """What they chose, what their projects ask in, what the pages are in."""
        asked = Prompt.objects.filter(project__memberships__user=self.instance).order_by()
        tags = asked.values_list("language", flat=True).distinct()
        pages = [code for code, _name in settings.LANGUAGES]
        return {
            primary_language(tag) for tag in (*self.instance.languages, *tags, *pages, get_language() or "en")
        }


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1].casefold()
