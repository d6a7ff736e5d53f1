"""Which answers of both versions a page shows side by side.

A coordinator who reads six of several hundred pairs must not be shown a lucky part. So one question of each
stretch is taken, in the order in which they came in, which keeps those of a topic together; and of these
are shown first what is typical, then the best and the worst.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import pstdev

from django.utils.translation import gettext as _

from annotator.models import Prompt
from training.models import Update
from training.services.evaluations import Row, first_of_each_prompt, keys_of, rows_of

MOST, EACH = 24, 2
SAME, MUCH = 0.2, 1.0
"""Differences of score in standard deviations of the earlier version's scores, up to which an answer scored
about the same, and from which on much better or worse."""


@dataclass(frozen=True)
class Pair:
    """What both versions answered to a held-out prompt; `mood` is the class of the badge around `label`."""

    prompt: Prompt
    before: str
    after: str
    label: str
    mood: str


@dataclass(frozen=True)
class Answers:
    """The pairs that are shown, those behind a fold, and how many held-out prompts were answered."""

    shown: list[Pair]
    rest: list[Pair]
    total: int

    @property
    def count(self) -> int:
        return len(self.shown) + len(self.rest)


@dataclass(frozen=True)
class Extremes:
    """The answers whose score rose most and fell most, of so many held-out prompts."""

    gains: list[Pair]
    losses: list[Pair]
    total: int


def answers_of(update: Update) -> Answers | None:
    """Answers of both versions to held-out prompts, from the evaluation; None if there are none to show."""
    rows, pairs = _paired(update)
    if not rows:
        return None
    shown, rest = choose(rows)
    return Answers(pairs(shown), pairs(rest), len(rows))


def extremes_of(update: Update, most: int = 3) -> Extremes | None:
    """The largest rises and falls of score in the evaluation; None if there are no answers to show."""
    rows, pairs = _paired(update)
    if not rows:
        return None
    ranked = sorted(rows, key=lambda row: -row.gain)
    gains = [row for row in ranked[:most] if row.gain > 0]
    losses = [row for row in reversed(ranked[-most:]) if row.gain < 0]
    return Extremes(pairs(gains), pairs(losses), len(rows))


def spread(count: int, most: int) -> list[int]:
    """Places that are spread evenly over `count`, at most so many."""
    chosen = min(count, most)
    return [i * count // chosen for i in range(chosen)]


def choose(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Which rows are shown, and which behind a fold: at most `MOST`, spread evenly over their order.

    Shown are `EACH` from the middle of the gains in score, of the largest and of the smallest ones.
    """
    ranked = sorted((rows[i] for i in spread(len(rows), MOST)), key=lambda row: -row.gain)
    count = len(ranked)
    if count <= 3 * EACH:
        return ranked, []
    middle = (count - EACH) // 2
    shown = [*ranked[middle : middle + EACH], *ranked[:EACH], *ranked[-EACH:]]
    return shown, [*ranked[EACH:middle], *ranked[middle + EACH : -EACH]]


def _paired(update: Update) -> tuple[list[Row], Callable[[list[Row]], list[Pair]]]:
    """The first row of each held-out prompt, and what makes rows of it pairs to show.

    Prompts that somebody has withdrawn are left out.
    """
    prompts = update.project.prompts.in_use()
    keys = keys_of(prompts.held_out())
    rows = [row for row in first_of_each_prompt(rows_of(update)) if row.prompt_id in keys]
    scale = pstdev(row.score_before for row in rows) or 1.0 if rows else 1.0

    def pairs(chosen: list[Row]) -> list[Pair]:
        found = prompts.in_bulk([keys[row.prompt_id] for row in chosen])
        return [
            Pair(found[keys[row.prompt_id]], row.before, row.after, *_label(row, scale)) for row in chosen
        ]

    return rows, pairs


def _label(row: Row, scale: float) -> tuple[str, str]:
    """How the new answer scored, in words and as the class of a badge."""
    if row.before == row.after:
        return _("the same answer"), ""
    gain = row.gain / scale
    if abs(gain) <= SAME:
        return _("scored about the same"), ""
    if gain > 0:
        return (_("scored much better") if gain >= MUCH else _("scored better")), "ok"
    return (_("scored much worse") if gain <= -MUCH else _("scored worse")), "bad"
