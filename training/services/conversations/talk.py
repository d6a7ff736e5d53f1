"""What a member and the chatbot write: conversations, their turns and the replies."""

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, User
from annotator.services.audit import record
from annotator.text.storable import UNSTORABLE, is_blank, storable
from training.models import Conversation, ModelVersion, Reply, Turn

from .consent import take_back_consent

LONGEST_QUESTION = 4000
MOST_TURNS = 50


@transaction.atomic
def ask(*, project: Project, user: User, question: str, conversation: Conversation | None = None) -> Turn:
    """Store a question as the next turn of a conversation, or the first one of a new conversation.

    Raises RefusedError, with nothing stored, for a text that cannot be asked.
    """
    question = check_question(question)
    if conversation is None:
        language = get_language() or "en"
        conversation = Conversation.objects.create(project=project, user=user, language=language)
    else:
        # Two questions sent at once wait here, so that each has a number of its own.
        conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
        conversation.save(update_fields=["updated_at"])
    number = conversation.turns.count() + 1
    if number > MOST_TURNS:
        raise RefusedError(_("This conversation is long enough: begin another one."))
    return Turn.objects.create(conversation=conversation, number=number, question=question)


def check_question(question: str) -> str:
    """The question as it is stored; raises RefusedError for one that cannot be asked."""
    question = question.replace("\r\n", "\n").replace("\r", "\n").strip()
    if UNSTORABLE.search(question):
        raise RefusedError(_("Your message holds characters that cannot be stored. Write it once more."))
    if is_blank(question):
        raise RefusedError(_("Write something first."))
    if len(question) > LONGEST_QUESTION:
        raise RefusedError(
            _("Your message has %(count)d characters; at most %(most)d are allowed. Shorten it.")
            % {"count": len(question), "most": LONGEST_QUESTION}
        )
    return question


@transaction.atomic
def store_reply(
    *,
    turn: Turn,
    version: ModelVersion,
    text: str,
    system_prompt: str = "",
    is_whole: bool = True,
    is_kept: bool = True,
) -> Reply | None:
    """Store what a version answered; None where the conversation was deleted meanwhile, or nothing came.

    The conversation goes on with it, unless it is only shown beside another.
    """
    text = storable(text).strip()
    if not text or not Turn.objects.select_for_update().filter(pk=turn.pk).exists():
        return None
    reply = Reply.objects.create(
        turn=turn, version=version, text=text, system_prompt=system_prompt, is_whole=is_whole
    )
    if is_kept:
        reply.keep()
    return reply


@transaction.atomic
def delete_conversation(*, conversation: Conversation, actor: User) -> None:
    """Delete a conversation for good; what was taken from it for learning is withdrawn first."""
    take_back_consent(conversation=conversation)
    record("conversation.deleted", actor=actor, project=conversation.project, target=None)
    conversation.delete()
