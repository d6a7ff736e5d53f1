"""Names of groups that people may say they belong to."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotator.text.storable import is_blank

MOST_GROUPS = 40
GROUP_LENGTH = 60


def group_key(name: str) -> str:
    """One spelling of all names that differ in capitals, spaces or what is not seen; raises ValidationError.

    Characters that cannot be stored, or seen, are left out.
    """
    seen = "".join(each for each in name if each.isprintable() or each.isspace())
    key = unicodedata.normalize("NFC", " ".join(seen.split())).casefold()
    key = unicodedata.normalize("NFC", key)
    if is_blank(key) or len(key) > GROUP_LENGTH:
        raise ValidationError(_("A group has a name of at most %d readable characters.") % GROUP_LENGTH)
    return key


def check_groups(names: object) -> None:
    """Raise ValidationError unless these are a few names of one line, no two alike."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError(_("Groups are a list of names."))
    if len(names) > MOST_GROUPS:
        raise ValidationError(_("At most %d groups.") % MOST_GROUPS)
    if not all(name.isprintable() and len(name) <= GROUP_LENGTH for name in names):
        raise ValidationError(_("A group has a name of at most %d readable characters.") % GROUP_LENGTH)
    if len({group_key(name) for name in names}) < len(names):
        raise ValidationError(_("A group is listed twice."))
