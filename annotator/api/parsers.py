"""Reading the body of an API request."""

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from annotator.text.strict_json import BadJSONError, load_json

MAX_BYTES = 5 * 1024**2


class BodyTooLargeError(APIException):
    status_code = 413
    default_code = "too_large"

    def __init__(self) -> None:
        super().__init__(_("The body is larger than %d MiB; send it in parts.") % (MAX_BYTES // 1024**2))


class StrictJSONParser(BaseParser):
    """Takes UTF-8 with what `load_json` takes."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BodyTooLargeError
        try:
            return load_json(content.decode())
        except UnicodeDecodeError as error:
            raise ParseError(_("The body is not UTF-8.")) from error
        except BadJSONError as error:
            raise ParseError(_("The body cannot be taken: %s.") % error) from error
