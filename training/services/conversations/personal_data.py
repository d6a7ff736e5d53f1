"""A person's own conversations, for the archive of their data."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from annotator.models import User
from annotator.services.personal_data import CHUNK, Row
from training.models import Conversation, Turn

ABOUT = _("what you and the chatbots wrote, what you said about the answers, and what you agreed to")


def conversations(user: User) -> Iterator[Row]:
    """Every conversation, with the words that the person agreed to."""
    own = Conversation.objects.filter(user=user).select_related("project").order_by("pk")
    for one in own.iterator(CHUNK):
        turns = one.turns.select_related("choice", "taking").prefetch_related(
            "replies__thumb", "replies__edit"
        )
        yield {
            "project": one.project.slug,
            "begun_at": one.created_at,
            "agreed_at": one.agreed_at,
            "agreed_to": one.words,
            "turns": [_turn(turn) for turn in turns],
        }


def _turn(turn: Turn) -> Row:
    choice = getattr(turn, "choice", None)
    return {
        "question": turn.question,
        "asked_at": turn.created_at,
        "taken_for_learning": hasattr(turn, "taking"),
        "replies": [
            {
                "id": reply.pk,
                "text": reply.text,
                "thumb_up": reply.thumb.is_up if hasattr(reply, "thumb") else None,
                "flags": reply.thumb.flags if hasattr(reply, "thumb") else [],
                "edit": reply.edit.text if hasattr(reply, "edit") else "",
            }
            for reply in turn.replies.all()
        ],
        "shown_beside_each_other": [choice.a_id, choice.b_id] if choice else [],
        "preferred": choice.preferred if choice else "",
    }
