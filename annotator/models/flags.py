"""Flags for what is wrong with an answer, and those that a project switches off."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class FlagKind(models.TextChoices):
    """What can be wrong with an answer."""

    FACTUAL_ERROR = "factual_error", _("Factual error")
    HARMFUL = "harmful", _("Harmful")
    OFF_TOPIC = "off_topic", _("Off topic")
    SPAM = "spam", _("Spam or nonsense")
    LEAKS_AUTHOR = "leaks_author", _("Leaks who wrote it")


def check_flags_off(kinds: object) -> None:
    """Raise ValidationError unless these are different kinds without the factual error.

    People's ranks weigh facts too little, so that flag is always offered.
    """
    if not isinstance(kinds, list) or any(kind not in FlagKind.values for kind in kinds):
        raise ValidationError(_("There is no such flag."))
    if len(set(kinds)) < len(kinds):
        raise ValidationError(_("A flag is listed twice."))
    if FlagKind.FACTUAL_ERROR in kinds:
        raise ValidationError(_("A factual error can always be flagged."))
