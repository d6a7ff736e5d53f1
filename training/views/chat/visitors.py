"""The chat for everybody, where a project says so: for the browser session, and nothing of it teaches."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.errors import RefusedError
from annotator.models import User
from training.api.openai.chats import Chat
from training.models import ServingSettings
from training.services.conversations.talk import LONGEST_QUESTION
from training.services.conversations.visits import Visit
from training.services.serving.chatbots import chatbots_for
from training.services.serving.state import state_of

from .answering import Answering, respond


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def talk(request: HttpRequest, project: str) -> HttpResponseBase:
    visit = _visit_or_404(request, project)
    return _ask(request, visit) if request.method == "POST" else _show(request, visit)


@require_POST
@login_not_required
def answer(request: HttpRequest, project: str) -> HttpResponseBase:
    """Answer the last message, or answer it again."""
    visit = _visit_or_404(request, project)
    return _answer(request, visit) if visit.exchanges else redirect("talk", project)


@require_safe
@never_cache
@login_not_required
def turn(request: HttpRequest, project: str) -> HttpResponse:
    """The last turn as the page shows it, after its script lost the connection."""
    return HttpResponse(_turn_html(request, _visit_or_404(request, project)))


@require_POST
@login_not_required
def stop(request: HttpRequest, project: str) -> HttpResponse:
    _visit_or_404(request, project).request_stop()
    return HttpResponse(status=204)


@require_POST
@login_not_required
def forget(request: HttpRequest, project: str) -> HttpResponse:
    _visit_or_404(request, project).forget()
    return redirect("talk", project)


class VisitorAnswering(Answering):
    """An answer to the last message of a visit."""

    def __init__(self, request: HttpRequest, visit: Visit) -> None:
        super().__init__(request, visit.project, visit.messages())
        self.visit = visit
        visit.clear_stop()

    def is_stop_requested(self) -> bool:
        return self.visit.is_stop_requested()

    def keep(self, chat: Chat, text: str) -> None:
        self.visit.keep_reply(text)

    def turn(self) -> str:
        return _turn_html(self.request, self.visit)


def _visit_or_404(request: HttpRequest, slug: str) -> Visit:
    public = chatbots_for(request.user).filter(serving_settings__audience=ServingSettings.Audience.PUBLIC)
    return Visit(request.session, get_object_or_404(public, slug=slug))


def _ask(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    question, by_script = request.POST.get("question", ""), request.POST.get("script") == "1"
    try:
        visit.ask(question)
    except RefusedError as refused:
        if by_script:
            return JsonResponse({"error": str(refused)}, status=422)
        return _show(request, visit, question=question, error=str(refused), status=422)
    if by_script:
        return JsonResponse({"turn": _turn_html(request, visit)})
    return _answer(request, visit)


def _answer(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    page = f"{reverse('talk', args=[visit.project.slug])}#turn-{len(visit.exchanges)}"
    return respond(request, VisitorAnswering(request, visit), page)


def _turn_html(request: HttpRequest, visit: Visit) -> str:
    if not visit.exchanges:
        return ""
    return render_to_string("training/chat/_visitor_turn.html", _context(visit)[-1], request)


def _context(visit: Visit) -> list[dict[str, Any]]:
    return [
        {
            "project": visit.project,
            "number": number,
            "question": one["question"],
            "reply": one.get("reply", ""),
            "is_last": number == len(visit.exchanges),
        }
        for number, one in enumerate(visit.exchanges, start=1)
    ]


def _show(
    request: HttpRequest, visit: Visit, *, question: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    user, project = request.user, visit.project
    context = {
        "talked": project,
        "answering": state_of(project),
        "turns": _context(visit),
        "is_member": isinstance(user, User) and user.memberships.filter(project=project).exists(),
        "question": question,
        "error": error,
        "longest": LONGEST_QUESTION,
    }
    return render(request, "training/chat/talk.html", context, status=status)
