"""What a member says about a reply, on the chat page."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from annotator.access import MEMBERS, ProjectRequest, project_view
from annotator.errors import RefusedError
from annotator.views.refusals import tell_refusal
from training.models import Choice, Reply, Turn
from training.services.conversations.reactions import choose, give_thumb, take_thumb_away, write_edit

from .turns import turn_context, where_is


@require_POST
@project_view(*MEMBERS)
def thumb(request: ProjectRequest, pk: int) -> HttpResponse:
    """Up, down with what is wrong, or none."""
    reply = _own_reply(request, pk)
    which = request.POST.get("thumb")
    with tell_refusal(request):
        if which == "none":
            take_thumb_away(reply=reply)
        else:
            give_thumb(reply=reply, is_up=which == "up", flags=request.POST.getlist("flags"))
    return _show(request, reply.turn)


@require_POST
@project_view(*MEMBERS)
def choose_reply(request: ProjectRequest, pk: int) -> HttpResponse:
    own = Choice.objects.filter(
        turn__conversation__project=request.project, turn__conversation__user=request.user
    )
    choice = get_object_or_404(own.select_related("turn__conversation__project"), pk=pk)
    with tell_refusal(request):
        choose(choice=choice, preferred=request.POST.get("preferred", ""))
    return _show(request, choice.turn)


@require_POST
@project_view(*MEMBERS)
def edit(request: ProjectRequest, pk: int) -> HttpResponse:
    """How it should have been said; what is refused is shown again, with the reason."""
    reply = _own_reply(request, pk)
    text = request.POST.get("text", "")
    try:
        write_edit(reply=reply, text=text)
    except RefusedError as refused:
        context = turn_context(reply.turn) | {"edit_error": str(refused), "edit_text": text}
        page = "training/chat/_turn.html" if request.htmx else "training/chat/edit_reply.html"
        return render(request, page, context, status=422)
    return _show(request, reply.turn)


def _own_reply(request: ProjectRequest, pk: int) -> Reply:
    own = Reply.objects.filter(
        turn__conversation__project=request.project, turn__conversation__user=request.user
    )
    return get_object_or_404(own.select_related("turn__conversation__project"), pk=pk)


def _show(request: ProjectRequest, turn: Turn) -> HttpResponse:
    if request.htmx:
        return render(request, "training/chat/_turn.html", turn_context(Turn.objects.get(pk=turn.pk)))
    return redirect(where_is(turn))
