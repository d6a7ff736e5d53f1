"""An answer of the live version to a page: piece by piece for its script, whole for a plain form."""

import json
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import Project
from training.api.openai.access import check_rate, who
from training.api.openai.chats import Chat, refusals
from training.api.openai.errors import OpenAIError
from training.api.openai.views import connection_of
from training.services.serving.answers import Asked, Message, Waiting
from training.services.serving.chatbots import chatbots_for
from training.serving.upstream import text_of

STREAM = "application/x-ndjson"
LOOK_SECONDS = 0.3
Event = dict[str, Any]


class Answering(ABC):
    """An answer on its way to the page of who asked.

    Iterated it gives what the page's script is told: the place in the queue, pieces of text, and at the end
    the turn as it is then, with what went wrong or what to say.
    """

    is_shown = True
    """Whether the page shows the text while it is written."""

    def __init__(self, request: HttpRequest, project: Project, asked: Sequence[Message]) -> None:
        self.request, self.project, self.asked = request, project, asked
        self.is_there = connection_of(request)
        self.begun = self.looked = timezone.now()
        self.is_stopped = False
        self.error = ""
        self.text: list[str] = []
        self.chat: Chat | None = None

    @abstractmethod
    def is_stop_requested(self) -> bool:
        """Whether who asked wants it to stop."""

    @abstractmethod
    def keep(self, chat: Chat, text: str) -> None:
        """Keep the text, also of an answer that was stopped or broke off."""

    @abstractmethod
    def turn(self) -> str:
        """The turn as the page shows it; empty if it is gone."""

    def __iter__(self) -> Generator[Event]:
        try:
            self.chat = self._open()
            with refusals():
                for piece in self.chat.pieces:
                    yield from self._tell(piece)
        except OpenAIError as error:
            self.error = _words_for(error)
        except GeneratorExit:  # whoever reads has gone away
            self.is_stopped = True
            self._keep()
            raise
        finally:
            if self.chat is not None:
                self.chat.close()
        self._keep()
        turn = self.turn()
        if not turn:
            self.error = _("This conversation was deleted meanwhile.")
        said = self.error or (_("Stopped.") if self.is_stopped else _("The answer is complete."))
        yield {"error" if self.error else "said": said, "turn": turn}

    def _open(self) -> Chat:
        if not chatbots_for(self.request.user).filter(pk=self.project.pk).exists():
            raise OpenAIError(404, "not_served", _("This project's chatbot does not answer just now."))
        check_rate(self.request)
        return Chat(self.project, who(self.request), Asked(messages=self.asked), self._goes_on)

    def _goes_on(self) -> bool:
        """Whether who asked is still there and has not stopped it; looked at a few times a second."""
        now = timezone.now()
        if (now - self.looked).total_seconds() > LOOK_SECONDS:
            self.looked = now
            self.is_stopped = self.is_stopped or self.is_stop_requested()
        self.is_stopped = self.is_stopped or not self.is_there()
        return not self.is_stopped

    def _tell(self, piece: Any) -> Iterator[Event]:
        if isinstance(piece, Waiting):
            yield {"place": piece.place}
        elif piece is None:
            yield {}
        elif text := text_of([piece]):
            self.text.append(text)
            yield {"text": text} if self.is_shown else {}

    def _keep(self) -> None:
        text = "".join(self.text)
        if self.chat is not None and text.strip():
            self.keep(self.chat, text)
        elif not (self.error or self.is_stopped):
            self.error = _("The chatbot said nothing. Ask again.")


def _words_for(error: OpenAIError) -> str:
    """What a person can do about it, where that is something else than a program could."""
    if error.get_codes() == "context_length_exceeded":
        return _("This conversation is too long for the model: begin another one.")
    return str(error)


class Lines:
    """The body of a response; when it is closed, so is the answer, and what came of it is kept."""

    def __init__(self, answering: Answering) -> None:
        self.events = iter(answering)

    def __iter__(self) -> Iterator[bytes]:
        for event in self.events:
            yield json.dumps(event, ensure_ascii=False).encode() + b"\n"

    def close(self) -> None:
        self.events.close()


def respond(request: HttpRequest, answering: Answering, page: str) -> HttpResponseBase:
    """A stream for the page's script; for a plain form the whole answer, on the page that follows."""
    if request.accepts(STREAM) and not request.accepts("text/html"):
        # A proxy must not gather lines before it passes them on.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(Lines(answering), content_type=STREAM, headers=headers)
    for event in answering:
        if "error" in event:
            messages.error(request, event["error"])
    return redirect(page)
