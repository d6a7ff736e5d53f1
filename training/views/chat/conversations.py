"""The chat with a project's live version: one's own conversations, asking, agreeing, deleting."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.consent_text import consent_text
from annotator.errors import RefusedError
from annotator.views.refusals import tell_refusal
from training.models import Conversation, Turn
from training.services.conversations.consent import agree, take_back_consent, words_of
from training.services.conversations.talk import LONGEST_QUESTION, ask, delete_conversation
from training.services.serving.chatbots import chatbots_for
from training.services.serving.state import state_of

from .answers import answer_turn
from .turns import turn_context, turn_contexts, where_is

RECENT = 50
FIRST_TURNS = Prefetch("turns", Turn.objects.filter(number=1))
"""All that the list needs, where one conversation may have 50 turns."""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def chat(request: ProjectRequest) -> HttpResponseBase:
    """Begin a conversation, or go on with one of one's own."""
    return _ask(request, None) if request.method == "POST" else _show(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_view(*MEMBERS)
def conversation(request: ProjectRequest, pk: int) -> HttpResponseBase:
    found = _own(request, pk)
    return _ask(request, found) if request.method == "POST" else _show(request, found)


@require_POST
@project_view(*MEMBERS)
def delete(request: ProjectRequest, pk: int) -> HttpResponse:
    delete_conversation(conversation=_own(request, pk), actor=request.user)
    messages.success(request, _("The conversation was deleted."))
    return redirect("chat", request.project.slug)


@require_POST
@project_view(*MEMBERS)
def teach(request: ProjectRequest, pk: int) -> HttpResponse:
    """Agree that a conversation may teach."""
    found, number = _own(request, pk), request.POST.get("number", "")
    with tell_refusal(request):
        agree(
            conversation=found,
            membership=request.membership,
            number=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0,
        )
        messages.success(request, _("Thank you: reviewers may now take something from this conversation."))
    return redirect("conversation", request.project.slug, found.pk)


@require_POST
@project_view(*MEMBERS)
def take_back(request: ProjectRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    take_back_consent(conversation=found)
    messages.success(request, _("Nothing of this conversation is kept for learning any more."))
    return redirect("conversation", request.project.slug, found.pk)


def _own(request: ProjectRequest, pk: int) -> Conversation:
    own = Conversation.objects.filter(project=request.project, user=request.user)
    return get_object_or_404(own.select_related("project", "user"), pk=pk)


def _ask(request: ProjectRequest, found: Conversation | None) -> HttpResponseBase:
    """Store the question. The page's script asks for the answer by itself; a plain form gets it now."""
    question, by_script = request.POST.get("question", ""), request.POST.get("script") == "1"
    try:
        turn = ask(project=request.project, user=request.user, question=question, conversation=found)
    except RefusedError as refused:
        if by_script:
            return JsonResponse({"error": str(refused)}, status=422)
        return _show(request, found, question=question, error=str(refused), status=422)
    if not by_script:
        return answer_turn(request, turn)
    if found is None:
        return JsonResponse({"url": where_is(turn)})
    return JsonResponse({"turn": render_to_string("training/chat/_turn.html", turn_context(turn), request)})


def _show(
    request: ProjectRequest,
    found: Conversation | None,
    *,
    question: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    own = Conversation.objects.filter(project=request.project, user=request.user)
    context: dict[str, Any] = {
        "conversation": found,
        "conversations": own.prefetch_related(FIRST_TURNS)[:RECENT],
        "turns": turn_contexts(found) if found else [],
        "answers": chatbots_for(request.user).filter(pk=request.project.pk).exists(),
        "answering": state_of(request.project),
        "question": question,
        "error": error,
        "longest": LONGEST_QUESTION,
    }
    if found and not found.may_teach:
        agreed = request.user.consents.filter(project=request.project, number=request.project.consent_number)
        context["words"] = words_of(request.project)
        context["terms"] = "" if agreed.exists() else consent_text(request.project)
    return render(request, "training/chat/chat.html", context, status=status)
