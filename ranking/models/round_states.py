"""The states of a round's life, and what moves it on.

A round takes rankings from when it is opened until the next one opens, or somebody closes it
(`Round.closed_at`); its state tells what becomes of what is collected. Judgments after the cut-off count for
the update after.
"""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RoundState(TextChoices):
    PREPARING = "preparing", _("Being prepared")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSING = "closing", _("Cut off")
    LEARNING = "learning", _("Learning")
    GATING = "gating", _("Being tested")
    RELEASED = "released", _("Released")
    KEPT = "kept", _("Not released")
    SKIPPED = "skipped", _("Skipped")


SETTLED = (RoundState.RELEASED, RoundState.KEPT, RoundState.SKIPPED)
"""What became of it is decided."""


@dataclass(frozen=True)
class Move:
    """One way on, and what happens then."""

    before: RoundState
    after: RoundState
    when: str


_S = RoundState
MOVES = (
    Move(_S.PREPARING, _S.OPEN, "answers of the live version are stored, and compared in the round"),
    Move(_S.OPEN, _S.PAUSED, "a coordinator pauses it: nobody is given another comparison"),
    Move(_S.PAUSED, _S.OPEN, "a coordinator lets it go on"),
    Move(_S.OPEN, _S.CLOSING, "an update is started, or a coordinator closes the round"),
    Move(_S.PAUSED, _S.CLOSING, "the same, of a paused round"),
    Move(_S.KEPT, _S.CLOSING, "another update is started before the next round opens"),
    Move(_S.CLOSING, _S.LEARNING, "the update has taken its dataset: the cut-off"),
    Move(_S.CLOSING, _S.OPEN, "the update ended before that, and the round is not closed"),
    Move(_S.LEARNING, _S.OPEN, "the update failed or was cancelled, and the round is not closed"),
    Move(_S.LEARNING, _S.CLOSING, "the update failed or was cancelled, and the round is closed"),
    Move(_S.LEARNING, _S.GATING, "the update has made a candidate"),
    Move(_S.GATING, _S.RELEASED, "the candidate goes live"),
    Move(_S.GATING, _S.KEPT, "the candidate is rejected: the live version is kept"),
    Move(_S.CLOSING, _S.SKIPPED, "the next round opens, and no update has learned from this one"),
    Move(
        _S.SKIPPED,
        _S.LEARNING,
        "an update that was started before, or is tried again, learns from it after all",
    ),
)


def states_before(state: RoundState) -> list[RoundState]:
    """From which a round can move to this one."""
    return [move.before for move in MOVES if move.after == state]
