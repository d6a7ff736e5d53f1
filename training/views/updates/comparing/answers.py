"""What two updates made the chatbot answer to the same held-out prompts."""

from dataclasses import dataclass

from annotator.models import Prompt
from training.models import Update
from training.services.evaluations import first_of_each_prompt, keys_of, rows_of
from training.views.results.answers import spread

MOST, SHOWN = 24, 6


@dataclass(frozen=True)
class Beside:
    """The answers of both new versions to a prompt."""

    prompt: Prompt
    earlier: str
    later: str

    @property
    def is_same(self) -> bool:
        return self.earlier == self.later


@dataclass(frozen=True)
class AnswersBeside:
    """Pairs that are shown and those behind a fold; `missing` are the updates without any answers."""

    shown: list[Beside]
    rest: list[Beside]
    missing: list[Update]


def answers_beside(earlier: Update, later: Update) -> AnswersBeside:
    """Answers to the prompts that both evaluations asked, spread evenly, so that none is a lucky part.

    Prompts that somebody has withdrawn are left out.
    """
    keys = keys_of(earlier.project.prompts.in_use().held_out())
    before, after = (
        {row.prompt_id: row.after for row in first_of_each_prompt(rows_of(each))} for each in (earlier, later)
    )
    missing = [update for update, rows in ((earlier, before), (later, after)) if not rows]
    both = [prompt_id for prompt_id in before if prompt_id in after and prompt_id in keys]
    chosen = [both[i] for i in spread(len(both), MOST)]
    prompts = earlier.project.prompts.in_bulk([keys[prompt_id] for prompt_id in chosen])
    pairs = [Beside(prompts[keys[each]], before[each], after[each]) for each in chosen]
    # Every fourth is on top: the first ones came in together, and are about the same things.
    on_top = set(spread(len(pairs), SHOWN))
    return AnswersBeside(
        shown=[pair for i, pair in enumerate(pairs) if i in on_top],
        rest=[pair for i, pair in enumerate(pairs) if i not in on_top],
        missing=missing,
    )
