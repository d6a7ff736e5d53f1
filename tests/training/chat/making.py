"""Conversations for tests, made by the site's own services."""

from typing import Any

from annotator.models import Project, User
from tests.factories import make_member
from training.models import Conversation, Reply, Turn
from training.services.conversations.consent import agree
from training.services.conversations.reactions import choose, give_thumb, show_two, write_edit
from training.services.conversations.talk import ask, store_reply

QUESTION = "Why do glaciers matter to people far away?"


def make_turn(
    project: Project,
    user: User | None = None,
    question: str = QUESTION,
    answers: tuple[str, ...] = ("They keep water.",),
    may_teach: bool = True,
    **fields: Any,
) -> Turn:
    """A question with replies of the live version, in a conversation that may teach."""
    user = user or make_member(project)
    turn = ask(project=project, user=user, question=question, **fields)
    for text in answers:
        make_reply(turn, text)
    if may_teach:
        let_teach(turn.conversation)
    return turn


def make_reply(turn: Turn, text: str, **fields: Any) -> Reply:
    version = turn.conversation.project.versions.live().get()
    reply = store_reply(turn=turn, version=version, text=text, **fields)
    assert reply is not None
    return reply


def let_teach(conversation: Conversation) -> None:
    project = conversation.project
    membership = project.memberships.get(user=conversation.user)
    agree(conversation=conversation, membership=membership, number=project.consent_number)
    conversation.refresh_from_db()


def react_in_every_way(turn: Turn) -> None:
    """A thumb down for the reply, a second one beside it that is better, and an edit of the first."""
    first = turn.replies.get(is_kept=True)
    second = make_reply(turn, "They store water for the dry season.", is_kept=False)
    give_thumb(reply=first, is_up=False, flags=["factual_error"])
    choice = show_two(first=first, second=second)
    choose(choice=choice, preferred="a" if choice.a == second else "b")
    write_edit(reply=first, text="Glaciers keep water for the summer.")
