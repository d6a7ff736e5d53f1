"""A turn as reviewers see it and as it is taken: without what identifies people."""

from collections import Counter
from dataclasses import dataclass, field

from annotator.text.identifiers import hide_identifiers
from training.models import Choice, Edit, Reply, Thumb, Turn


@dataclass(frozen=True)
class Answer:
    """A reply without identifiers, and what the member said about it."""

    reply: Reply
    text: str
    thumb: Thumb | None
    edit: str
    """How they would have said it, without identifiers; empty for nothing."""


@dataclass(frozen=True)
class Exchange:
    """The messages up to a turn's question, and the replies that something was said about."""

    turn: Turn
    messages: list[dict[str, str]]
    answers: list[Answer]
    choice: Choice | None
    """Two replies between which they chose."""
    hidden: Counter[str] = field(default_factory=Counter)
    """How many identifiers were hidden, by kind."""

    @property
    def chosen_from(self) -> list[Answer]:
        """The two answers of the choice in the order shown; empty without one."""
        if self.choice is None:
            return []
        by_reply = {answer.reply.pk: answer for answer in self.answers}
        return [by_reply[pk] for pk in (self.choice.a_id, self.choice.b_id) if pk in by_reply]


def exchange_of(turn: Turn) -> Exchange:
    """The turn as it may be taken; replies that were stopped are left out, and what was said about them."""
    hidden: Counter[str] = Counter()

    def clean(text: str) -> str:
        text, found = hide_identifiers(text)
        hidden.update(found)
        return text

    messages = [
        {**message, "content": clean(message["content"])}
        for message in turn.conversation.messages_before(turn)
    ]
    choice = Choice.objects.filter(turn=turn).exclude(preferred="").first()
    compared = {choice.a_id, choice.b_id} if choice else set()
    answers = []
    for reply in turn.replies.filter(is_whole=True).select_related("version__author", "thumb", "edit"):
        thumb: Thumb | None = getattr(reply, "thumb", None)
        edit: Edit | None = getattr(reply, "edit", None)
        if reply.is_kept or reply.pk in compared or thumb or edit:
            text = clean(reply.text)
            answers.append(Answer(reply, text, thumb, clean(edit.text) if edit else ""))
    return Exchange(turn, messages, answers, choice if len(compared & _pks(answers)) == 2 else None, hidden)


def _pks(answers: list[Answer]) -> set[int]:
    return {answer.reply.pk for answer in answers}
