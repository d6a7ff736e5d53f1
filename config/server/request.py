"""What a request must be for its body to be read."""

import json
from collections.abc import Callable

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error

from config.errors import PROGRAMS, RETRY_SECONDS, as_json
from config.server import patience
from config.server.patience import Patience


class RefusedBodyError(Error):
    """An answer before the body is read: JSON to programs, a sentence to others, always in English."""

    def __init__(self, code: int, reason: str, words: str, path: str) -> None:
        super().__init__(words)
        self.code, self.reason, self.path = code, reason, path

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        for_program = self.path.startswith(PROGRAMS)
        kind = "application/json" if for_program else "text/plain; charset=utf-8"
        body = json.dumps(as_json(self.path, self.body)) if for_program else self.body + "\n"
        headers = [("Content-Type", kind), ("X-Content-Type-Options", "nosniff")]
        if self.code == 503:
            headers.append(("Retry-After", str(RETRY_SECONDS)))
        return f"{self.code} {self.reason}", headers, body.encode()


class Request(HTTPRequestParser):
    """A request as it comes in; its head decides what happens to its body."""

    completed: bool

    def __init__(self, adj: Adjustments, has_room_for_large: Callable[[], bool]) -> None:
        super().__init__(adj)
        self.has_room_for_large = has_room_for_large
        self.patience = Patience(patience.HEAD)

    def received(self, data: bytes) -> int:
        in_body = self.headers_finished
        consumed: int = super().received(data)
        if in_body:
            self.patience.earn(consumed)
        elif self.headers_finished and not self.error and not self.empty:
            self.patience = Patience(patience.BODY)
            self._look_at_head()
        if self.error:
            # waitress would ask for the body of a refused request, too.
            self.completed, self.expect_continue = True, False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """A length of thousands of digits or half an address is a bad request, no fault of the server."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError(str(error)) from None

    def refuse(self, code: int, reason: str, words: str) -> None:
        self.error, self.completed = RefusedBodyError(code, reason, words, self.path), True

    @property
    def anonymous(self) -> bool:
        """Whether it does not even claim to come from somebody; who that is only the site can tell."""
        cookies = (cookie.strip() for cookie in self.headers.get("COOKIE", "").split(";"))
        in_session = any(cookie.startswith(f"{settings.SESSION_COOKIE_NAME}=") for cookie in cookies)
        return not in_session and "AUTHORIZATION" not in self.headers

    def _look_at_head(self) -> None:
        most = settings.MAX_ANONYMOUS_BODY if self.anonymous else settings.MAX_BODY
        if self.chunked or "TRANSFER_ENCODING" in self.headers:  # in HTTP/1.0 waitress passes it on
            words = (
                "The request has a body without Content-Length; nothing was done. Send it with its length."
            )
            self.refuse(411, "Length Required", words)
        elif self.content_length > most:
            words = f"The body is larger than {most // 1024} KiB; nothing was done. "
            words += "Sign in before you send so much." if self.anonymous else "Send it in parts."
            self.refuse(413, "Content Too Large", words)
        elif self.content_length > settings.MAX_ANONYMOUS_BODY and not self.has_room_for_large():
            self.refuse(503, "Service Unavailable", "Too many files are being sent; try again soon.")
