"""What the chat's pages show of a turn."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from annotator.models import FlagKind
from training.models import Choice, Edit, Reply, Thumb, Turn


@dataclass(frozen=True)
class ReplyView:
    """A reply with what the member said about it."""

    reply: Reply
    thumb: Thumb | None
    edit: Edit | None


def turn_context(turn: Turn) -> dict[str, Any]:
    """The context of `training/chat/_turn.html`."""
    conversation = turn.conversation
    replies = {one.pk: one for one in turn.replies.select_related("thumb", "edit")}
    choice: Choice | None = Choice.objects.filter(turn=turn).first()
    is_open = choice is not None and not choice.preferred
    kept = next((one for one in replies.values() if one.is_kept), None)
    last = conversation.turns.last()
    return {
        "project": conversation.project,
        "conversation": conversation,
        "turn": turn,
        "shown": ReplyView(kept, getattr(kept, "thumb", None), getattr(kept, "edit", None)) if kept else None,
        "choice": choice if is_open else None,
        "pair": [("A", replies[choice.a_id]), ("B", replies[choice.b_id])] if choice and is_open else [],
        "is_last": last == turn,
        "may_show_two": choice is None and kept is not None and kept.is_whole and not turn.decision,
        "flags": [(kind, FlagKind(kind).label) for kind in conversation.project.flag_kinds],
    }


def where_is(turn: Turn) -> str:
    """The address of a turn on the page of its conversation."""
    conversation = turn.conversation
    page = reverse("conversation", args=[conversation.project.slug, conversation.pk])
    return f"{page}#turn-{turn.pk}"
