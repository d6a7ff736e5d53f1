"""Criteria by which a project lets volunteers rate answers."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

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
