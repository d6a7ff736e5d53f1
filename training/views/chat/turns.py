"""What the chat's pages show of a turn."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.urls import reverse

from annotator.models import FlagKind
from training.models import Choice, Conversation, Edit, Reply, Thumb, Turn

SHOWN = ("choice", Prefetch("replies", Reply.objects.select_related("thumb", "edit")))
"""What is read of a turn beside its own row."""


@dataclass(frozen=True)
class ReplyView:
    """A reply with what the member said about it."""

    reply: Reply
    thumb: Thumb | None
    edit: Edit | None


def turn_contexts(conversation: Conversation) -> list[dict[str, Any]]:
    """The context of `training/chat/_turn.html` for each turn, in as many queries as for one."""
    turns = list(conversation.turns.prefetch_related(*SHOWN))
    return [_context(turn, is_last=turn is turns[-1]) for turn in turns]


def turn_context(turn: Turn) -> dict[str, Any]:
    """The context of `training/chat/_turn.html` for one turn."""
    prefetch_related_objects([turn], *SHOWN)
    return _context(turn, is_last=turn == turn.conversation.turns.last())


def _context(turn: Turn, *, is_last: bool) -> dict[str, Any]:
    project, kept = turn.conversation.project, turn.kept
    replies = {one.pk: one for one in turn.replies.all()}
    choice: Choice | None = getattr(turn, "choice", None)
    is_open = choice is not None and not choice.preferred and not turn.decision
    return {
        "project": project,
        "conversation": turn.conversation,
        "turn": turn,
        "shown": ReplyView(kept, getattr(kept, "thumb", None), getattr(kept, "edit", None)) if kept else None,
        "choice": choice if is_open else None,
        "pair": [("A", replies[choice.a_id]), ("B", replies[choice.b_id])] if choice and is_open else [],
        "is_last": is_last,
        "may_show_two": choice is None and kept is not None and kept.is_whole and not turn.decision,
        "flags": [(kind, FlagKind(kind).label) for kind in project.flag_kinds],
    }


def where_is(turn: Turn) -> str:
    """The address of a turn on the page of its conversation."""
    conversation = turn.conversation
    page = reverse("conversation", args=[conversation.project.slug, conversation.pk])
    return f"{page}#turn-{turn.pk}"
