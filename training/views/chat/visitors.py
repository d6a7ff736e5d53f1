"""The chat for everybody, where a project says so: for the browser session, and nothing of it teaches."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.text.storable import storable
from training.api.openai.chats import Chat
from training.models import ServingSettings
from training.services.conversations.talk import LONGEST_QUESTION, MOST_TURNS, check_question
from training.services.serving.chatbots import chatbots_for
from training.services.serving.state import state_of

from .answering import Answering, respond

KEPT_SECONDS = 60 * 60
Exchanges = list[dict[str, str]]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def talk(request: HttpRequest, project: str) -> HttpResponseBase:
    found = _public_or_404(request, project)
    return _ask(request, found) if request.method == "POST" else _show(request, found)


@require_POST
@login_not_required
def answer(request: HttpRequest, project: str) -> HttpResponseBase:
    """Answer the last message, or answer it again."""
    found = _public_or_404(request, project)
    if not _exchanges(request.session, found):
        return redirect("talk", project)
    return respond(request, VisitorAnswering(request, found), _last_turn(request, found))


@require_safe
@never_cache
@login_not_required
def turn(request: HttpRequest, project: str) -> HttpResponse:
    """The last turn as the page shows it, after its script lost the connection."""
    found = _public_or_404(request, project)
    return HttpResponse(_turn_html(request, found, _exchanges(request.session, found)))


@require_POST
@login_not_required
def stop(request: HttpRequest, project: str) -> HttpResponse:
    found = _public_or_404(request, project)
    request.session[_key(found, "stops")] = len(_exchanges(request.session, found))
    return HttpResponse(status=204)


@require_POST
@login_not_required
def forget(request: HttpRequest, project: str) -> HttpResponse:
    request.session.pop(_key(_public_or_404(request, project)), None)
    return redirect("talk", project)


class VisitorAnswering(Answering):
    """An answer to the last message of a browser session, which is read and written anew when it has come."""

    def __init__(self, request: HttpRequest, project: Project) -> None:
        self.exchanges = _exchanges(request.session, project)
        self.exchanges[-1].pop("reply", None)
        super().__init__(request, project, _messages(self.exchanges))
        request.session.pop(_key(project, "stops"), None)

    def is_stop_requested(self) -> bool:
        return bool(self._stored().get(_key(self.project, "stops")) == len(self.exchanges))

    def keep(self, chat: Chat, text: str) -> None:
        session = self._stored()
        now = _exchanges(session, self.project)
        if len(now) != len(self.exchanges) or now[-1]["question"] != self.exchanges[-1]["question"]:
            self.exchanges = []
            return
        now[-1]["reply"] = storable(text).strip()
        session[_key(self.project)] = self.exchanges = now
        try:
            session.save()
        except DatabaseError:  # the session has ended meanwhile
            self.exchanges = []
        else:  # which is saved once more, unless the answer is a stream
            self.request.session[_key(self.project)] = now

    def turn(self) -> str:
        return _turn_html(self.request, self.project, self.exchanges)

    def _stored(self) -> SessionStore:
        """The session as other requests of this browser have left it."""
        return SessionStore(session_key=self.request.session.session_key)


def _public_or_404(request: HttpRequest, slug: str) -> Project:
    public = chatbots_for(request.user).filter(serving_settings__audience=ServingSettings.Audience.PUBLIC)
    return get_object_or_404(public, slug=slug)


def _key(project: Project, what: str = "talk") -> str:
    return f"{what}_{project.pk}"


def _exchanges(session: Any, project: Project) -> Exchanges:
    return list(session.get(_key(project), []))


def _messages(exchanges: Exchanges) -> list[dict[str, str]]:
    """The messages that a model is given; a question that was never answered is left out."""
    messages = []
    for one in exchanges[:-1]:
        if reply := one.get("reply"):
            messages += [
                {"role": "user", "content": one["question"]},
                {"role": "assistant", "content": reply},
            ]
    return [*messages, {"role": "user", "content": exchanges[-1]["question"]}]


def _ask(request: HttpRequest, project: Project) -> HttpResponseBase:
    by_script = request.POST.get("script") == "1"
    try:
        question = check_question(request.POST.get("question", ""))
    except RefusedError as refused:
        if by_script:
            return JsonResponse({"error": str(refused)}, status=422)
        return _show(
            request, project, question=request.POST.get("question", ""), error=str(refused), status=422
        )
    exchanges = [*_exchanges(request.session, project), {"question": question}][-MOST_TURNS:]
    request.session[_key(project)] = exchanges
    if not isinstance(request.user, User):  # a session of a sign-in has its own time
        request.session.set_expiry(KEPT_SECONDS)
    # Before the answer is written, which another session object does.
    request.session.save()
    if by_script:
        return JsonResponse({"turn": _turn_html(request, project, exchanges)})
    return respond(request, VisitorAnswering(request, project), _last_turn(request, project))


def _last_turn(request: HttpRequest, project: Project) -> str:
    return f"{reverse('talk', args=[project.slug])}#turn-{len(_exchanges(request.session, project))}"


def _turn_html(request: HttpRequest, project: Project, exchanges: Exchanges) -> str:
    if not exchanges:
        return ""
    return render_to_string("training/chat/_visitor_turn.html", _context(project, exchanges)[-1], request)


def _context(project: Project, exchanges: Exchanges) -> list[dict[str, Any]]:
    return [
        {
            "project": project,
            "number": number,
            "question": one["question"],
            "reply": one.get("reply", ""),
            "is_last": number == len(exchanges),
        }
        for number, one in enumerate(exchanges, start=1)
    ]


def _show(
    request: HttpRequest, project: Project, *, question: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    user = request.user
    context = {
        "talked": project,
        "answering": state_of(project),
        "turns": _context(project, _exchanges(request.session, project)),
        "is_member": isinstance(user, User) and user.memberships.filter(project=project).exists(),
        "question": question,
        "error": error,
        "longest": LONGEST_QUESTION,
    }
    return render(request, "training/chat/talk.html", context, status=status)
