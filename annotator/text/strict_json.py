"""Reading JSON that people and programs send; no database here."""

import json
import math
import re
from collections import Counter
from itertools import islice
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from annotator.text.storable import UNSTORABLE, storable

MAX_DEPTH = 20
MAX_INTEGER = 2**63 - 1
MAX_VALUES = 100_000
"""Numbers, texts, lists and objects in all: two characters make one of a hundred bytes."""
MAX_KEYS = 10_000
"""Of one object."""
MAX_TEXT = 100_000
"""Characters of one text, where texts are stored: five times as many as any of them may have."""

# What a value comes after, or the end. Possessive, so that no character is looked at twice.
_BEFORE_VALUE = re.compile(r'(?:[^"\[{,]++|"(?:[^"\\]++|\\.)*+(?:"|\Z))*+(?:([\[{,])|\Z)', re.DOTALL)


class BadJSONError(ValueError):
    """A text that is not such JSON; the message says why."""


def load_json(text: str) -> Any:
    """The value of a JSON text that the database and other programs read alike; raises BadJSONError.

    Refuses what `json.loads` lets through: a key that an object has twice, NaN and infinities (also `1e999`),
    integers of more than 64 bits, nesting deeper than MAX_DEPTH, texts with NULs or lone surrogates, and more
    values, keys or characters than the limits above.
    """
    value = _load(
        text, MAX_VALUES, parse_constant=_refuse_number, parse_float=_parse_float, parse_int=_parse_int
    )
    _check_storable(value)
    return value


def load_any_json(text: str, *, most_values: int = MAX_VALUES) -> Any:
    """The value of a JSON text of which only some fields are used; raises BadJSONError.

    NaN, numbers of any size and texts of any kind are read: whoever uses a field checks it. A key that an
    object has twice is refused, and so are too many keys or values.
    """
    return _load(text, most_values, parse_int=_parse_any_int)


def _load(text: str, most_values: int, **parsers: Any) -> Any:
    # Before it is decoded. Most texts need no closer look.
    if sum(map(text.count, "[{,")) > most_values and any(
        found[1] for found in islice(_BEFORE_VALUE.finditer(text), most_values, None)
    ):
        raise BadJSONError(_("it has more than %(most)d values") % {"most": most_values})
    try:
        return json.loads(text, object_pairs_hook=_object, **parsers)
    except json.JSONDecodeError as error:
        raise BadJSONError(
            _("not JSON: %(error)s at character %(place)d") % {"error": error.msg, "place": error.pos + 1}
        ) from None
    except RecursionError:
        raise BadJSONError(_("the JSON is nested too deeply")) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise BadJSONError(_("an object has more than %(most)d keys") % {"most": MAX_KEYS})
    value = dict(pairs)
    if len(value) < len(pairs):
        repeated, _count = Counter(name for name, _value in pairs).most_common(1)[0]
        raise BadJSONError(_("the key %(name)s is there twice") % {"name": storable(repeated)[:40]})
    return value


def _parse_any_int(text: str) -> int | float:
    # Python refuses to convert very long ones.
    return int(text) if len(text) <= 20 else float(text)


def _refuse_number(text: str) -> NoReturn:
    raise BadJSONError(_("%(text)s is not a number that can be stored") % {"text": text[:30]})


def _parse_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _parse_int(text: str) -> int:
    # By length first: Python refuses to convert very long ones, with a message about itself.
    if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
        _refuse_number(text)
    return int(text)


def _check_storable(value: object) -> None:
    waiting = [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise BadJSONError(_("the JSON is nested too deeply"))
        if isinstance(each, str) and len(each) > MAX_TEXT:
            raise BadJSONError(_("a text has more than %(most)d characters") % {"most": MAX_TEXT})
        if isinstance(each, str) and UNSTORABLE.search(each):
            raise BadJSONError(_("a text has a NUL or half of a surrogate pair, which cannot be stored"))
        if isinstance(each, dict):
            waiting += [(part, depth + 1) for pair in each.items() for part in pair]
        elif isinstance(each, list):
            waiting += [(part, depth + 1) for part in each]
