"""Refusals in OpenAI's shape, which its clients read."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotator.text.storable import storable

LONGEST = 500
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class OpenAIError(APIException):
    """A refusal with OpenAI's code, and the seconds after which to try again, if that helps."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message, code)
        self.status_code, self.retry_after = status, retry_after


def error_of(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The body of a refusal."""
    kind = KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": storable(message)[:LONGEST], "type": kind, "param": param, "code": code}}


def body_of(error: OpenAIError) -> dict[str, Any]:
    return error_of(error.status_code, str(error.get_codes()), str(error.detail))


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error; None for one that is no refusal."""
    response = exception_handler(error, context)
    if response is None:
        return None
    param, message = _first(response.data)
    code = error.get_codes() if isinstance(error, OpenAIError) else "invalid_request"
    response.data = error_of(response.status_code, str(code), message, param)
    if isinstance(error, OpenAIError) and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _first(data: Any, place: str = "") -> tuple[str | None, str]:
    """Where the first thing is that is wrong, and what."""
    if isinstance(data, dict) and data:
        name, inner = next(iter(data.items()))
        known = name in ("detail", "non_field_errors")
        return _first(inner, place if known else f"{place}.{name}" if place else str(name))
    if isinstance(data, list) and data:
        return _first(data[0], place)
    return place[:100] or None, str(data)
