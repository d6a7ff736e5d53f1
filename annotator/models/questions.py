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


MOST_CRITERIA = 6
CRITERION_LENGTH = 40


def check_criteria(names: object) -> None:
    """Raise ValidationError unless these are a few short names of one line, no two alike."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError(_("Criteria are a list of names."))
    if len(names) > MOST_CRITERIA:
        raise ValidationError(_("At most %d criteria: each is asked about every answer.") % MOST_CRITERIA)
    for name in names:
        # What is not printable cannot be stored or not be seen.
        if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > CRITERION_LENGTH:
            raise ValidationError(
                _("A criterion is one line of at most %d readable characters.") % CRITERION_LENGTH
            )
    if len({name.casefold() for name in names}) < len(names):
        raise ValidationError(_("A criterion is listed twice."))


MOST_HIDDEN_WORDS = 200
HIDDEN_WORD_LENGTH = 60


def check_hidden_words(words: object) -> None:
    """Raise ValidationError unless these are words of one line, 2 characters or more each, no two alike."""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValidationError(_("Words to hide are a list."))
    if len(words) > MOST_HIDDEN_WORDS:
        raise ValidationError(_("At most %d words to hide.") % MOST_HIDDEN_WORDS)
    for word in words:
        if word != word.strip() or not word.isprintable() or not 2 <= len(word) <= HIDDEN_WORD_LENGTH:
            raise ValidationError(
                _("What is to be hidden is one line of 2 to %d readable characters.") % HIDDEN_WORD_LENGTH
            )
    if len({word.casefold() for word in words}) < len(words):
        raise ValidationError(_("A word to hide is listed twice."))
