"""One answer on its way to a program: its seat in this process, its place at the server, its pieces."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Self

from django.conf import settings
from django.utils.translation import gettext as _

from annotator.models import Project
from training.services.serving.answers import Asked, ServerDownError, ServerRefusedError, answer
from training.services.serving.queue import BusyError, NotServedError, take_place

from .chunks import Piece, event, events, whole
from .errors import OpenAIError, body_of

DOWN_SECONDS, BUSY_SECONDS = 5, 10
TOO_LONG = "exceed_context_size_error"
seats = threading.BoundedSemaphore(settings.CHATS_AT_ONCE)
"""Threads of this process that may wait for an answer, so that the others are there for pages."""


class Chat:
    """An answer that is waited for; `close` gives its seat and its place back, however far it came.

    Raises OpenAIError when there is no seat, no server, or too long a queue.
    """

    def __init__(self, project: Project, who: str, asked: Asked, goes_on: Callable[[], bool]) -> None:
        if not seats.acquire(blocking=False):
            raise _busy()
        self.closed = False
        try:
            self.place = take_place(project=project, who=who)
        except BaseException as error:
            self.closed = True
            seats.release()
            if isinstance(error, BusyError):
                raise _busy() from error
            if isinstance(error, NotServedError):
                raise _down() from error
            raise
        self.answer = answer(self.place, asked, goes_on)
        self.pieces: Iterator[Piece] = self.answer

    def begin(self) -> Self:
        """Wait for the first token, or for the place in the queue, so that a refusal has a status."""
        with refusals():
            for piece in self.answer:
                if piece is not None:
                    self.pieces = chain((piece,), self.answer)
                    break
        return self

    def whole(self) -> dict[str, Any]:
        with refusals():
            return whole(self.pieces, self.place)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.answer.close()
            self.place.end()
            seats.release()


class EventStream:
    """A chat as the body of a response, which closes it; closed it is even if nobody begins to read it."""

    def __init__(self, chat: Chat, *, include_usage: bool) -> None:
        self.chat, self.include_usage = chat, include_usage

    def __iter__(self) -> Iterator[bytes]:
        try:
            with refusals():
                yield from events(self.chat.pieces, self.chat.place, include_usage=self.include_usage)
        except OpenAIError as error:  # too late for a status
            yield event(body_of(error))

    def close(self) -> None:
        self.chat.close()


@contextmanager
def refusals() -> Iterator[None]:
    """What goes wrong with a server, as a refusal."""
    try:
        yield
    except ServerDownError as error:
        raise _down() from error
    except ServerRefusedError as error:
        if error.kind == TOO_LONG:
            words = _("The conversation is too long for this model: leave out its beginning.")
            raise OpenAIError(400, "context_length_exceeded", words) from error
        if error.status == 400:
            raise OpenAIError(400, "invalid_request", _("The model refuses this: %s") % error) from error
        raise _down() from error


def _busy() -> OpenAIError:
    words = _("Too many people wait for an answer just now: try again in a moment.")
    return OpenAIError(429, "queue_full", words, retry_after=BUSY_SECONDS)


def _down() -> OpenAIError:
    words = _("The model cannot be reached just now. It is started again by itself: try again in a moment.")
    return OpenAIError(503, "model_unavailable", words, retry_after=DOWN_SECONDS)
