"""Words that a project hides in answers, because they would tell who wrote one."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

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
                _("A word to hide is one line of 2 to %d readable characters.") % HIDDEN_WORD_LENGTH
            )
    if len({word.casefold() for word in words}) < len(words):
        raise ValidationError(_("A word to hide is listed twice."))
