"""Answers to a member's messages: the first one, another one, and a second one beside it."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.errors import RefusedError
from training.api.openai.chats import Chat
from training.models import Reply, Turn
from training.services.conversations.reactions import show_two
from training.services.conversations.talk import store_reply

from .answering import Answering, respond
from .turns import turn_context, where_is


@require_safe
@project_view(*MEMBERS)
def turn(request: ProjectRequest, pk: int) -> HttpResponse:
    """A turn as the page shows it, after its script lost the connection."""
    return render(request, "training/chat/_turn.html", turn_context(_own(request, pk)))


@require_POST
@project_view(*MEMBERS)
def answer(request: ProjectRequest, pk: int) -> HttpResponseBase:
    """Answer a turn, or answer it again."""
    return answer_turn(request, _own(request, pk))


@require_POST
@project_view(*MEMBERS)
def second(request: ProjectRequest, pk: int) -> HttpResponseBase:
    """Show a second answer beside the one that the turn has."""
    found = _own(request, pk)
    return answer_turn(request, found, beside=found.kept)


@require_POST
@project_view(*MEMBERS)
def stop(request: ProjectRequest, pk: int) -> HttpResponse:
    _own(request, pk).request_stop()
    return HttpResponse(status=204)


def answer_turn(request: HttpRequest, found: Turn, *, beside: Reply | None = None) -> HttpResponseBase:
    return respond(request, TurnAnswering(request, found, beside), where_is(found))


def _own(request: ProjectRequest, pk: int) -> Turn:
    own = Turn.objects.filter(conversation__project=request.project, conversation__user=request.user)
    return get_object_or_404(own.select_related("conversation__project", "conversation__user"), pk=pk)


class TurnAnswering(Answering):
    """An answer to a member's turn; `beside` is the reply that it will be shown with."""

    def __init__(self, request: HttpRequest, turn: Turn, beside: Reply | None) -> None:
        conversation = turn.conversation
        super().__init__(request, conversation.project, conversation.messages_before(turn))
        self.of, self.beside = turn, beside
        # Of two answers nobody is to know which is the new one.
        self.is_shown = beside is None

    def is_stop_requested(self) -> bool:
        return self.of.is_stop_requested(self.begun)

    def keep(self, chat: Chat, text: str) -> None:
        if self.beside and (self.is_stopped or self.error):
            return
        reply = store_reply(
            turn=self.of,
            version=chat.place.version,
            text=text,
            system_prompt=self.project.system_prompt,
            is_whole=not (self.is_stopped or self.error),
            is_kept=self.beside is None,
        )
        if reply and self.beside:
            try:
                show_two(first=self.beside, second=reply)
            except RefusedError as refused:
                reply.delete()
                self.error = str(refused)

    def turn(self) -> str:
        found = Turn.objects.filter(pk=self.of.pk).first()
        if found is None:
            return ""
        return render_to_string("training/chat/_turn.html", turn_context(found), self.request)
