"""How often a project asks gold questions."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MOST_OFTEN = 4


def check_gold_every(number: int) -> None:
    """Raise ValidationError for a rate that would take people's time for what is known already."""
    if 0 < number < MOST_OFTEN or number > 1000:
        raise ValidationError(_("0 for none, or %(least)d to 1000.") % {"least": MOST_OFTEN})
