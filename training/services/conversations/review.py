"""A reviewer's decision about a turn: take it for learning, or leave it."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.imports.file_formats import BadRecordError
from annotator.imports.prompt_files import draft_from_record
from annotator.models import Completion, Prompt, User
from annotator.models.prompts import hash_messages
from annotator.services.audit import record
from annotator.services.completions import add_completions
from annotator.services.prompts.adding import add_prompts
from annotator.shown import Shown, check_shown
from ranking.models import Comparison, UnpairedPreference
from ranking.services.chat import add_chat_judgment, add_unpaired_preference
from training.facts import turn_facts
from training.models import Choice, Conversation, Taking, Turn

from .exchange import Answer, Exchange, exchange_of

SOURCE = "chat"
RANKS = {Choice.Preferred.A: (1, 2), Choice.Preferred.EQUAL: (1, 1), Choice.Preferred.B: (2, 1)}


@transaction.atomic
def take_turn(*, turn: Turn, actor: User, shown: Shown | None = None) -> Taking:
    """Take a turn for learning: its messages as a prompt, and what the member said as preferences.

    All of it without what identifies people. Raises RefusedError, with nothing stored, where the member no
    longer agrees, another reviewer has decided, or the prompt cannot be one.
    """
    turn = _lock(turn, shown)
    exchange = exchange_of(turn)
    prompt, is_new = _prompt(exchange, actor)
    completions = _completions(prompt, exchange)
    taking = Taking.objects.create(
        project=prompt.project,
        user=turn.conversation.user,
        turn=turn,
        prompt=prompt,
        is_new_prompt=is_new,
        taken_by=actor,
    )
    taking.comparisons.set(_comparisons(prompt, exchange, completions))
    taking.thumbs.set(_thumbs(exchange, completions))
    turn.decide(Turn.Decision.TAKEN)
    record("chat.taken", actor=actor, project=prompt.project, target=turn, prompt=prompt.pk)
    return taking


@transaction.atomic
def leave_turn(*, turn: Turn, actor: User, shown: Shown | None = None) -> None:
    """Leave a turn out of learning; nothing of it is kept but the conversation itself."""
    turn = _lock(turn, shown)
    turn.decide(Turn.Decision.LEFT)
    record("chat.left", actor=actor, project=turn.conversation.project, target=turn)


def _lock(turn: Turn, shown: Shown | None) -> Turn:
    """The turn, while nobody else can decide about it or take the consent back."""
    conversation = Conversation.objects.select_for_update().filter(turns=turn.pk).first()
    if conversation is None or not conversation.may_teach:
        raise RefusedError(_("The person no longer wants this conversation to teach. Nothing was taken."))
    turn = (
        Turn.objects.select_for_update(of=("self",))
        .select_related("conversation__project", "conversation__user")
        .get(pk=turn.pk)
    )
    check_shown(shown, turn_facts(turn))
    if turn.decision:
        raise RefusedError(_("Another reviewer has decided about this message already."))
    return turn


def _prompt(exchange: Exchange, actor: User) -> tuple[Prompt, bool]:
    """The prompt of these messages, and whether the project did not have it before."""
    conversation = exchange.turn.conversation
    fields = {"messages": exchange.messages, "language": conversation.language, "source": SOURCE}
    try:
        draft = draft_from_record(fields)
    except BadRecordError as bad:
        raise RefusedError(_("This cannot be a prompt: %s.") % bad) from bad
    if new := add_prompts(project=conversation.project, drafts=[draft], actor=actor).prompts:
        return new[0], True
    prompt = conversation.project.prompts.get(content_hash=hash_messages(draft.messages))
    if prompt.withdrawn_at is not None:
        raise RefusedError(
            _("The project has this prompt already, withdrawn: restore it first, or leave this.")
        )
    return prompt, False


def _completions(prompt: Prompt, exchange: Exchange) -> dict[int, Completion]:
    """By reply the stored completions of those that the member said something about."""
    stored = {}
    compared = {answer.reply.pk for answer in exchange.chosen_from}
    for answer in exchange.answers:
        reply = answer.reply
        if reply.pk in compared or answer.thumb or answer.edit:
            (stored[reply.pk],) = add_completions(
                author=reply.version.author,
                texts=[(prompt, answer.text)],
                system_prompts={prompt.pk: reply.system_prompt},
            )
    return stored


def _comparisons(prompt: Prompt, exchange: Exchange, completions: dict[int, Completion]) -> list[Comparison]:
    """A comparison for the choice between two, and one for each answer that they wrote anew."""
    stored, volunteer = [], exchange.turn.conversation.user
    pair = [completions[answer.reply.pk] for answer in exchange.chosen_from]
    if exchange.choice and len(set(pair)) == 2:
        ranks = dict(
            zip([one.pk for one in pair], RANKS[Choice.Preferred(exchange.choice.preferred)], strict=True)
        )
        stored.append(
            add_chat_judgment(
                prompt=prompt,
                shown=pair,
                volunteer=volunteer,
                seconds=exchange.choice.seconds,
                ranks=ranks,
            )
        )
    for answer in exchange.answers:
        if _says_otherwise(answer):
            original = completions[answer.reply.pk]
            stored.append(
                add_chat_judgment(
                    prompt=prompt,
                    shown=[original],
                    volunteer=volunteer,
                    ranks={original.pk: 1},
                    rewrite={"original": original.pk, "text": answer.edit},
                )
            )
    return stored


def _says_otherwise(answer: Answer) -> bool:
    return bool(answer.edit) and answer.edit != answer.text


def _thumbs(exchange: Exchange, completions: dict[int, Completion]) -> list[UnpairedPreference]:
    return [
        add_unpaired_preference(
            completion=completions[answer.reply.pk],
            volunteer=exchange.turn.conversation.user,
            label=answer.thumb.is_up,
            flags=answer.thumb.flags,
        )
        for answer in exchange.answers
        if answer.thumb
    ]
