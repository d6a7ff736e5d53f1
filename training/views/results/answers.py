"""Which answers of both versions a page shows side by side.

A coordinator who reads six of several hundred pairs must not be shown a lucky part. So one question of each
stretch is taken, in the order in which they came in, which keeps those of a topic together; and of these
are shown first what is typical, then the best and the worst.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev

from django.utils.translation import gettext as _

from annotator.models import Prompt
from training.models import Update
from training.services.evaluations import Row, first_of_each_prompt, held_out_keys, rows_of

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


def answers_of(update: Update) -> Answers | None:
    """Answers of both versions to held-out prompts, from the evaluation; None if its file is gone."""
    keys = held_out_keys(update.project)
    rows = [row for row in first_of_each_prompt(rows_of(update)) if row.prompt_id in keys]
    if not rows:
        return None
    shown, rest = choose(rows)
    prompts = update.project.prompts.in_bulk([keys[row.prompt_id] for row in (*shown, *rest)])
    scale = pstdev(row.score_before for row in rows) or 1.0

    def pair(row: Row) -> Pair:
        label, mood = _label(row, scale)
        return Pair(prompts[keys[row.prompt_id]], row.before, row.after, label, mood)

    return Answers([pair(row) for row in shown], [pair(row) for row in rest], len(rows))


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
