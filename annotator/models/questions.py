"""What a project asks its volunteers about each answer beside its rank."""

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


def all_flag_kinds() -> list[str]:
    return list(FlagKind.values)


def check_flag_kinds(kinds: object) -> None:
    """Raise ValidationError unless these are different kinds with a factual error among them.

    People's ranks weigh facts too little, so that flag is beside every rank.
    """
    if not isinstance(kinds, list) or any(kind not in FlagKind.values for kind in kinds):
        raise ValidationError(_("There is no such flag."))
    if len(set(kinds)) < len(kinds):
        raise ValidationError(_("A flag is listed twice."))
    if FlagKind.FACTUAL_ERROR not in kinds:
        raise ValidationError(_("A factual error can always be flagged."))
