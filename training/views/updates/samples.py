"""Answers that a policy gave while it was trained, beside those of the version that it started from."""

from collections import defaultdict
from dataclasses import dataclass

from annotator.models import Completion, Prompt
from annotator.text.storable import storable
from training.launching.progress import SampledAnswer, read_samples
from training.models import TrainingRun, Update
from training.templatetags.figures import decimal


@dataclass(frozen=True)
class Sample:
    """An answer to a prompt after some steps; `before` is one of the version that the update builds on.

    That version answered the prompt for a round; it is empty where no such answer is kept.
    """

    prompt: Prompt
    before: str
    now: str
    score: str
    finished: bool


@dataclass(frozen=True)
class SampledStep:
    """The answers that were kept after so many steps."""

    step: int
    samples: list[Sample]


def last_sampled(update: Update) -> str:
    """The step of the newest answers, as an address names it; empty while there are none."""
    rows = _rows(update)
    return str(rows[-1].step) if rows else ""


def samples_of(update: Update) -> list[SampledStep]:
    """The newest step first; answers to prompts that were deleted or withdrawn are left out."""
    by_step = defaultdict(list)
    rows = _rows(update)
    prompts = _prompts(update, rows)
    before = _answers_before(update, prompts)
    for row in rows:
        if prompt := prompts.get(row.prompt_id):
            old = before.get(prompt.pk, "")
            sample = Sample(prompt, old, storable(row.text), decimal(row.score, 2), row.finished)
            by_step[row.step].append(sample)
    return [SampledStep(step, by_step[step]) for step in sorted(by_step, reverse=True)]


def _rows(update: Update) -> list[SampledAnswer]:
    run = update.run_of(TrainingRun.Stage.PPO)
    return read_samples(run.folder) if run else []


def _prompts(update: Update, rows: list[SampledAnswer]) -> dict[str, Prompt]:
    """The project's prompts in use by what the engine calls them."""
    named = {row.prompt_id for row in rows}
    keys = [int(each) for each in named if each.isascii() and each.isdigit() and len(each) < 19]
    found = update.project.prompts.in_use().filter(pk__in=keys)
    return {str(prompt.pk): prompt for prompt in found}


def _answers_before(update: Update, prompts: dict[str, Prompt]) -> dict[int, str]:
    """The first answer of the version that the update builds on, by prompt."""
    keys = [prompt.pk for prompt in prompts.values()]
    answers = Completion.objects.filter(author=update.parent.author_id, prompt__in=keys).order_by("-pk")
    return dict(answers.values_list("prompt", "text"))
