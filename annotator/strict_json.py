"""Reading JSON that people and programs send; no database here."""

import json
import math
from collections import Counter
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from annotator.text import UNSTORABLE, storable

MAX_DEPTH = 20
MAX_INTEGER = 2**63 - 1


class BadJSONError(ValueError):
    """A text that is not such JSON; the message says why."""


def load_json(text: str) -> Any:
    """The value of a JSON text that the database and other programs read alike; raises BadJSONError.

    Refuses what `json.loads` lets through: a key that an object has twice, NaN and infinities (also `1e999`),
    integers of more than 64 bits, nesting deeper than MAX_DEPTH, and texts with NULs or lone surrogates.
    """
    value = _load(text, parse_constant=_refuse_number, parse_float=_parse_float, parse_int=_parse_int)
    _check_storable(value)
    return value


def load_any_json(text: str) -> Any:
    """The value of a JSON text of which only some fields are used; raises BadJSONError.

    NaN, numbers of any size and texts that cannot be stored are read: whoever uses a field checks it. A key
    that an object has twice is refused.
    """
    return _load(text, parse_int=_parse_any_int)


def _load(text: str, **parsers: Any) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, **parsers)
    except json.JSONDecodeError as error:
        raise BadJSONError(
            _("not JSON: %(error)s at character %(place)d") % {"error": error.msg, "place": error.pos + 1}
        ) from None
    except RecursionError:
        raise BadJSONError(_("the JSON is nested too deeply")) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
        if isinstance(each, str) and UNSTORABLE.search(each):
            raise BadJSONError(_("a text has a NUL or half of a surrogate pair, which cannot be stored"))
        if isinstance(each, dict):
            waiting += [(part, depth + 1) for pair in each.items() for part in pair]
        elif isinstance(each, list):
            waiting += [(part, depth + 1) for part in each]
