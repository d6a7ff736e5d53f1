"""Personal settings: languages, looks of the pages, mail."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

MOST_LANGUAGES = 30
LANGUAGE_CODE = re.compile("[a-z]{2,3}")


class TextSize(models.TextChoices):
    NORMAL = "normal", _("Normal")
    LARGE = "large", _("Large")
    LARGER = "larger", _("Larger")


class Motion(models.TextChoices):
    AUTO = "auto", _("As my device is set")
    REDUCED = "on", _("Reduced")


class Theme(models.TextChoices):
    AUTO = "auto", _("As my device is set")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


def primary_language(tag: str) -> str:
    """The language of a tag, without script and region: `pt` of `pt-BR`."""
    return tag.partition("-")[0].lower()


def check_languages(codes: object) -> None:
    """Raise ValidationError unless these are a few different codes such as `en`, without a region."""
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValidationError(_("Languages are a list of codes, such as en or pt."))
    if len(codes) > MOST_LANGUAGES:
        raise ValidationError(_("At most %d languages.") % MOST_LANGUAGES)
    if not all(LANGUAGE_CODE.fullmatch(code) for code in codes):
        raise ValidationError(_("A language is a code of two or three small letters, such as en or pt."))
    if len(set(codes)) < len(codes):
        raise ValidationError(_("A language is listed twice."))


def check_interface_language(code: str) -> None:
    """Raise ValidationError unless the pages are translated into this language."""
    if code not in dict(settings.LANGUAGES):
        raise ValidationError(_("The pages are not translated into this language."))


class PersonalSettings(models.Model):
    """What each person may set for themselves."""

    languages: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_languages],
        help_text="Codes of the languages that they read, such as `en`, regions left out; empty for any.",
    )
    interface_language = models.CharField(
        max_length=35, blank=True, validators=[check_interface_language], help_text="Empty: the browser's."
    )
    shortcuts = models.BooleanField(default=True)
    text_size = models.CharField(max_length=6, choices=TextSize.choices, default=TextSize.NORMAL)
    reduced_motion = models.CharField(max_length=4, choices=Motion.choices, default=Motion.AUTO)
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.AUTO)
    mail_round_opened = models.BooleanField(default=False)
    # Off as long as the one above is.
    mail_round_ending = models.BooleanField(default=True)
    mail_learned = models.BooleanField(default=True)
    # Of coordinators:
    mail_failed = models.BooleanField(default=True)
    mail_candidate = models.BooleanField(default=True)
    mail_decided = models.BooleanField(default=True)
    mail_report = models.BooleanField(default=True)

    class Meta:
        abstract = True

    def reads(self, language: str) -> bool:
        """Whether they read texts with this language tag; true for all if no languages are chosen."""
        return not self.languages or primary_language(language) in self.languages
