"""Reading the body of an API request."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from annotator.text import UNSTORABLE

MAX_DEPTH = 20
MAX_INTEGER = 2**63 - 1


class BodyTooLargeError(APIException):
    status_code = 413
    default_code = "too_large"

    def __init__(self) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        super().__init__(_("The body is larger than %d MiB; send it in parts.") % limit)


class StrictJSONParser(BaseParser):
    """Takes only JSON that Python, the database and other programs read alike.

    Refuses what `json.loads` lets through: NaN and infinities (also `1e999`), integers of more than 64
    bits, deep nesting, and texts with NULs or lone surrogates.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLargeError
        try:
            value = json.loads(
                content.decode(),
                parse_constant=refuse_number,
                parse_float=parse_float,
                parse_int=parse_int,
            )
        except UnicodeDecodeError as error:
            raise ParseError(_("The body is not UTF-8.")) from error
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s") % error) from error
        check_storable(value)
        return value


def refuse_number(text: str) -> NoReturn:
    raise ParseError(_("%s is not a number that can be stored.") % text[:30])


def parse_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else refuse_number(text)


def parse_int(text: str) -> int:
    # By length first: Python refuses to convert very long ones, with a message about itself.
    if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
        refuse_number(text)
    return int(text)


def check_storable(value: object) -> None:
    """Raise ParseError for a text, at any depth, that no database takes, and for too many levels."""
    waiting = [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ParseError(_("The JSON is nested too deeply."))
        if isinstance(each, str) and UNSTORABLE.search(each):
            raise ParseError(_("A text holds a NUL or half of a surrogate pair, which cannot be stored."))
        if isinstance(each, dict):
            waiting += [(part, depth + 1) for pair in each.items() for part in pair]
        elif isinstance(each, list):
            waiting += [(part, depth + 1) for part in each]
