"""Reading a list of e-mail addresses as people paste it; no database here.

| written as                               | then           |
|------------------------------------------|----------------|
| addresses with commas, semicolons, blanks, lines between them | read |
| `Ada Lovelace <ada@example.org>`, `"Lovelace, Ada" <ada@example.org>` | its address |
| anything else                            | an error       |
"""

import re
from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from annotator.imports.file_formats import LINE_END, LineNote
from annotator.text.storable import UNSTORABLE, storable

MAX_ADDRESSES = 200
MAX_LENGTH = 254
"""Of one, as the database holds it."""
SHOWN = 60
"""Characters of a wrong one that its error repeats."""
_ENTRY = re.compile(r"""(?P<name>"[^"]*"\s*|[^<>"]*)<(?P<boxed>[^<>]*)>|(?P<plain>[^<>"]+|.)""")
_BETWEEN = re.compile(r"[,;\s]+")

Address = tuple[int, str]


def read_addresses(text: str) -> tuple[list[Address], list[LineNote]]:
    """The addresses of a text in small letters, each with its line, and what in it is none."""
    found: list[Address] = []
    errors: list[LineNote] = []
    for number, line in enumerate(LINE_END.split(text), start=1):
        for written in _in_line(line):
            if _is_address(written):
                found.append((number, written.lower()))
            else:
                errors.append(LineNote(number, _("“%s” is no e-mail address") % storable(written[:SHOWN])))
    if not found and not errors:
        errors.append(LineNote(0, _("There is no address in this text.")))
    if len(found) > MAX_ADDRESSES:
        errors.append(LineNote(0, _("%(count)d addresses; at most %(most)d at once") % _counts(len(found))))
    return found, errors


def _counts(count: int) -> dict[str, int]:
    return {"count": count, "most": MAX_ADDRESSES}


def _in_line(line: str) -> Iterator[str]:
    for entry in _ENTRY.finditer(line):
        if entry["plain"] is not None:
            yield from filter(None, _BETWEEN.split(entry["plain"]))
        else:
            # What stands before a name may be an address of its own: a@b.org Ada <ada@b.org>
            if not entry["name"].startswith('"'):
                yield from (part for part in _BETWEEN.split(entry["name"]) if "@" in part)
            yield entry["boxed"].strip()


def _is_address(text: str) -> bool:
    if UNSTORABLE.search(text):
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= MAX_LENGTH
