"""What a member says about a reply: a thumb, a choice between two, how it should have been said."""

import random
from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import FlagKind
from annotator.text.storable import UNSTORABLE
from ranking.questions.rewrite import LONGEST
from training.models import Choice, Edit, Reply, Thumb, Turn


@transaction.atomic
def give_thumb(*, reply: Reply, is_up: bool, flags: Iterable[str] = ()) -> Thumb:
    """Store the member's thumb, in the place of an earlier one; only a thumb down has flags."""
    flags = sorted(set(flags))
    if not set(flags) <= set(FlagKind.values):
        raise RefusedError(_("There is no such flag."))
    _lock(reply.turn_id)
    values = {"is_up": is_up, "flags": [] if is_up else flags}
    return Thumb.objects.update_or_create(reply=reply, defaults=values)[0]


@transaction.atomic
def take_thumb_away(*, reply: Reply) -> None:
    """Remove the member's thumb, if there is one."""
    _lock(reply.turn_id)
    Thumb.objects.filter(reply=reply).delete()


@transaction.atomic
def show_two(*, first: Reply, second: Reply, chance: random.Random | None = None) -> Choice:
    """Put two replies of a turn side by side in random order; refused where two were shown already."""
    _lock(first.turn_id)
    if first.text == second.text:
        raise RefusedError(_("The second answer is the same as the first. Try again, or go on."))
    if Choice.objects.filter(turn=first.turn_id).exists():
        raise RefusedError(_("Two answers to this message were shown already."))
    a, b = (chance or random.SystemRandom()).sample([first, second], 2)
    return Choice.objects.create(turn_id=first.turn_id, a=a, b=b)


@transaction.atomic
def choose(*, choice: Choice, preferred: str) -> None:
    """Store which of two replies is better, once and for all; the conversation goes on with that one."""
    if preferred not in {Choice.Preferred.A, Choice.Preferred.EQUAL, Choice.Preferred.B}:
        raise RefusedError(_("Choose which answer is better, or that they are about equal."))
    _lock(choice.turn_id)
    choice = Choice.objects.select_related("a", "b").get(pk=choice.pk)
    if choice.preferred:
        if choice.preferred == preferred:
            return
        raise RefusedError(_("You have chosen already; that choice stays."))
    choice.choose(preferred)
    if preferred != Choice.Preferred.EQUAL:
        (choice.a if preferred == Choice.Preferred.A else choice.b).keep()


@transaction.atomic
def write_edit(*, reply: Reply, text: str) -> Edit:
    """Store how the member would have said it, in the place of an earlier text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not reply.turn.conversation.project.offers_rewrites:
        raise RefusedError(_("This project does not ask for your own answers."))
    if UNSTORABLE.search(text):
        raise RefusedError(_("What you wrote holds characters that cannot be stored."))
    if not text or text == reply.text:
        raise RefusedError(_("Change the answer first: then it can be kept."))
    if len(text) > LONGEST:
        raise RefusedError(_("What you wrote is longer than %d characters.") % LONGEST)
    _lock(reply.turn_id)
    return Edit.objects.update_or_create(reply=reply, defaults={"text": text})[0]


def _lock(turn_id: int) -> None:
    """Wait for whoever acts on the turn; refused where it is gone, or a reviewer has decided.

    What was taken is a copy: after that, what the member sees here is what reviewers saw.
    """
    turn = Turn.objects.select_for_update().filter(pk=turn_id).first()
    if turn is None:
        raise RefusedError(_("This conversation was deleted meanwhile."))
    if turn.decision:
        raise RefusedError(
            _("A reviewer has decided about this message: what was said about it stays as it is.")
        )
