"""What members agreed to teach from their conversations, for reviewers to take or leave."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.access import STAFF, ProjectRequest, project_view
from annotator.models import FlagKind, Prompt
from annotator.shown import Shown
from annotator.views.refusals import tell_refusal
from training.facts import turn_facts
from training.models import Turn
from training.services.conversations.exchange import Answer, Exchange, exchange_of
from training.services.conversations.near_duplicates import near_duplicates
from training.services.conversations.review import leave_turn, take_turn

PAGE_SIZE = 10


@require_safe
@never_cache
@project_view(*STAFF)
def queue(request: ProjectRequest) -> HttpResponse:
    page = Paginator(Turn.objects.to_review(request.project), PAGE_SIZE).get_page(request.GET.get("page"))
    known = dict(request.project.prompts.values_list("pk", "search_text"))
    return render(
        request, "training/chat/review.html", {"page": page, "items": [_item(one, known) for one in page]}
    )


@require_POST
@project_view(*STAFF)
def decide(request: ProjectRequest, pk: int) -> HttpResponse:
    turns = Turn.objects.filter(conversation__project=request.project, conversation__agreed_at__isnull=False)
    turn = get_object_or_404(turns, pk=pk)
    shown = Shown.on_page(request)
    with tell_refusal(request):
        if request.POST.get("decision") == Turn.Decision.TAKEN:
            taking = take_turn(turn=turn, actor=request.user, shown=shown)
            words = _("Taken: it is prompt %(number)d now.")
            assert taking.prompt is not None
            messages.success(request, words % {"number": taking.prompt.number})
        else:
            leave_turn(turn=turn, actor=request.user, shown=shown)
            messages.success(request, _("Left: nothing of it is kept for learning."))
    return redirect("chat-review", request.project.slug)


def _item(turn: Turn, known: dict[int, str]) -> dict[str, Any]:
    """What the page shows of a turn, all of it without identifiers."""
    facts = turn_facts(turn)  # before what is shown: a page must not say that it shows what came after
    exchange = exchange_of(turn)
    near = near_duplicates("\n".join(message["content"] for message in exchange.messages), known)
    prompts = Prompt.objects.in_bulk([one.key for one in near])
    return {
        "turn": turn,
        "facts": facts,
        "earlier": exchange.messages[:-1],
        "question": exchange.messages[-1]["content"],
        "answers": [_answer(one, exchange) for one in exchange.answers],
        "hidden": sorted(exchange.hidden.items()),
        "near": [(prompts[one.key], one.likeness) for one in near if one.key in prompts],
    }


def _answer(answer: Answer, exchange: Exchange) -> dict[str, Any]:
    pair, choice = [one.reply.pk for one in exchange.chosen_from], exchange.choice
    flags = answer.thumb.flags if answer.thumb else []
    return {
        "answer": answer,
        "flags": [FlagKind(kind).label for kind in flags],
        "is_compared": answer.reply.pk in pair,
        "is_preferred": choice is not None
        and answer.reply.pk in pair
        and choice.preferred == "ab"[pair.index(answer.reply.pk)],
        "is_equal": choice is not None and answer.reply.pk in pair and choice.preferred == "equal",
    }
