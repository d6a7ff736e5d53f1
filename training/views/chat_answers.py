"""Answers of the live version on the chat page: piece by piece for its script, whole for a plain form."""

import json
from collections.abc import Generator, Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.errors import RefusedError
from training.api.openai.access import check_rate, who
from training.api.openai.chats import Chat, refusals
from training.api.openai.errors import OpenAIError
from training.api.openai.views import connection_of
from training.models import Reply, Turn
from training.services.conversations.reactions import show_two
from training.services.conversations.talk import store_reply
from training.services.serving.answers import Asked, Waiting
from training.services.serving.chatbots import chatbots_for

from .chat_turns import turn_context, where_is

STREAM = "application/x-ndjson"
Event = dict[str, Any]


@require_safe
@project_view(*MEMBERS)
def turn(request: ProjectRequest, pk: int) -> HttpResponse:
    """A turn as the page shows it, after its script lost the connection."""
    return render(request, "training/_turn.html", turn_context(own_turn(request, pk)))


@require_POST
@project_view(*MEMBERS)
def answer(request: ProjectRequest, pk: int) -> HttpResponseBase:
    """Answer a turn, or answer it again."""
    found = own_turn(request, pk)
    return respond(request, found, Answering(request, found))


@require_POST
@project_view(*MEMBERS)
def second(request: ProjectRequest, pk: int) -> HttpResponseBase:
    """Show a second answer beside the one that the turn has."""
    found = own_turn(request, pk)
    return respond(request, found, Answering(request, found, beside=found.kept))


@require_POST
@project_view(*MEMBERS)
def stop(request: ProjectRequest, pk: int) -> HttpResponse:
    own_turn(request, pk).request_stop()
    return HttpResponse(status=204)


def own_turn(request: ProjectRequest, pk: int) -> Turn:
    own = Turn.objects.filter(conversation__project=request.project, conversation__user=request.user)
    return get_object_or_404(own.select_related("conversation__project", "conversation__user"), pk=pk)


class Answering:
    """An answer to a turn on its way; `beside` is the reply that it will be shown with.

    Iterated it gives what the page's script is told, the last of which is the turn as it is then.
    """

    def __init__(self, request: HttpRequest, turn: Turn, *, beside: Reply | None = None) -> None:
        self.request, self.turn, self.beside = request, turn, beside
        self.is_there = connection_of(request)
        self.begun = self.looked = timezone.now()
        self.is_stopped = False
        self.error = ""
        self.text: list[str] = []
        self.chat: Chat | None = None

    def __iter__(self) -> Generator[Event]:
        try:
            self.chat = self._open()
            with refusals():
                for piece in self.chat.pieces:
                    yield from self._tell(piece)
        except OpenAIError as error:
            self.error = str(error)
        except GeneratorExit:  # whoever reads has gone away
            self.is_stopped = True
            self._store()
            raise
        finally:
            self.close()
        self._store()
        yield self._end()

    def close(self) -> None:
        if self.chat is not None:
            self.chat.close()

    def _open(self) -> Chat:
        project = self.turn.conversation.project
        if not chatbots_for(self.request.user).filter(pk=project.pk).exists():
            raise OpenAIError(404, "not_served", _("This project's chatbot does not answer just now."))
        check_rate(self.request)
        asked = Asked(messages=self.turn.conversation.messages_before(self.turn))
        return Chat(project, who(self.request), asked, self._goes_on)

    def _goes_on(self) -> bool:
        """Whether the member is still there and has not stopped it; looked at a few times a second."""
        now = timezone.now()
        if (now - self.looked).total_seconds() > LOOK_SECONDS:
            self.looked = now
            self.is_stopped = self.is_stopped or self.turn.is_stop_requested(self.begun)
        self.is_stopped = self.is_stopped or not self.is_there()
        return not self.is_stopped

    def _tell(self, piece: Any) -> Iterator[Event]:
        if isinstance(piece, Waiting):
            yield {"place": piece.place}
        elif piece is None:
            yield {}
        elif text := "".join(choice["delta"].get("content") or "" for choice in piece["choices"]):
            self.text.append(text)
            # Of two answers nobody is to know which is the new one.
            yield {} if self.beside else {"text": text}

    def _store(self) -> None:
        """Keep what came, also of an answer that was stopped or broke off."""
        text = "".join(self.text)
        if self.beside and (self.is_stopped or self.error):
            return
        if self.chat is None or not text.strip():
            self.error = self.error or ("" if self.is_stopped else _("The chatbot said nothing. Ask again."))
            return
        reply = store_reply(
            turn=self.turn,
            version=self.chat.place.version,
            text=text,
            system_prompt=self.turn.conversation.project.system_prompt,
            is_whole=not (self.is_stopped or self.error),
            is_kept=self.beside is None,
        )
        if reply and self.beside:
            try:
                show_two(first=self.beside, second=reply)
            except RefusedError as refused:
                reply.delete()
                self.error = str(refused)

    def _end(self) -> Event:
        found = Turn.objects.filter(pk=self.turn.pk).first()
        if found is None:
            return {"error": _("This conversation was deleted meanwhile."), "turn": ""}
        html = render_to_string("training/_turn.html", turn_context(found), self.request)
        said = self.error or (_("Stopped.") if self.is_stopped else _("The answer is complete."))
        return {"error" if self.error else "said": said, "turn": html}


LOOK_SECONDS = 0.3


class Lines:
    """The body of a response; when it is closed, so is the answer, and what came of it is kept."""

    def __init__(self, answering: Answering) -> None:
        self.events = iter(answering)

    def __iter__(self) -> Iterator[bytes]:
        for event in self.events:
            yield json.dumps(event, ensure_ascii=False).encode() + b"\n"

    def close(self) -> None:
        self.events.close()


def respond(request: ProjectRequest, found: Turn, answering: Answering) -> HttpResponseBase:
    """A stream for the page's script; for a plain form the whole answer, on the next page."""
    if request.accepts(STREAM) and not request.accepts("text/html"):
        # A proxy must not gather lines before it passes them on.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(Lines(answering), content_type=STREAM, headers=headers)
    for event in answering:
        if "error" in event:
            messages.error(request, event["error"])
    return redirect(where_is(found))
