"""Reading the tags of a prompt: what it is about."""

import re

from django.utils.translation import gettext as _

from annotator.imports.file_formats import BadRecordError, name_of_type, read_text

MOST_TAGS = 8
LONGEST_TAG = 40
LONGEST_TEXT = 500
BETWEEN = re.compile("[,;\u060c\u061b\n]")
"""Commas and semicolons, of Arabic too."""


def read_tags(value: object) -> tuple[str, ...]:
    """Different tags from a list, or from a text with commas between; raises BadRecordError.

    Tags that differ in capitals or spaces alone are one, written as it came first.
    """
    if value is None:
        return ()
    given = BETWEEN.split(value[: LONGEST_TEXT + 1]) if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        words = _("tags must be a list of texts, or a text with commas between them, not %(type)s")
        raise BadRecordError(words % {"type": name_of_type(value)})
    is_too_long = isinstance(value, str) and len(value) > LONGEST_TEXT
    if is_too_long or len(given) > 2 * MOST_TAGS:
        raise _too_many()
    tags: dict[str, str] = {}
    for each in given:
        tag = " ".join(read_text(each, _("a tag")).split())
        if len(tag) > LONGEST_TAG or BETWEEN.search(tag):
            raise BadRecordError(
                _("a tag has at most %(most)d characters and no comma in it") % {"most": LONGEST_TAG}
            )
        if tag:
            tags.setdefault(tag.casefold(), tag)
    if len(tags) > MOST_TAGS:
        raise _too_many()
    return tuple(tags.values())


def _too_many() -> BadRecordError:
    return BadRecordError(_("at most %(most)d tags are allowed") % {"most": MOST_TAGS})
