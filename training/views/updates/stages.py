"""An update as five stages that a page can show."""

from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from training.launching.progress import read_curve, seconds_left
from training.models import TrainingRun, UnpackedBase, Update
from training.rlhf import stages as engine
from training.services.runs.recipes import STAGES
from training.services.sampling.prompt_lengths import left_out_of

WAITING = "waiting"
SHOWN_LEFT_OUT = 50
"""Of the prompts that were too long; the rest are counted."""


@dataclass(frozen=True)
class LeftOutView:
    """A prompt that a stage left out; `number` is None once the prompt has been deleted."""

    number: int | None
    tokens: int
    limit: int


@dataclass(frozen=True)
class SourceView:
    """How much the preferences of a source counted in training, and how well the desk's model orders them."""

    name: str
    weight: float
    origin: str
    pairs: int
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None

    @property
    def label(self) -> object:
        return {
            "desk": _("Desk"),
            "chat": _("Chat: one of two"),
            "chat_rewrite": _("Chat: written anew"),
        }.get(self.name, self.name)

    @property
    def reason(self) -> object:
        if self.name == "desk":
            return _("always 1")
        reasons = {"measured": _("measured"), "set": _("set by hand"), "unknown": _("cannot be measured yet")}
        return reasons.get(self.origin, self.origin)


@dataclass(frozen=True)
class RunView:
    """One run's place in its stage; `seconds` it took so far or in all, `left` is a guess."""

    pk: int | None
    name: str
    label: object
    meaning: object
    state: str
    step: int = 0
    total: int = 0
    seconds: float | None = None
    left: float | None = None
    error: str = ""
    attempt: int = 0
    left_out: tuple[LeftOutView, ...] = ()
    sources: tuple[SourceView, ...] = ()

    @classmethod
    def of(cls, run: TrainingRun) -> Self:
        """The view of a run, or of one that waits for those before it and is not stored."""
        running = run.state == run.State.RUNNING
        return cls(
            pk=run.pk,
            name=run.stage,
            label=run.get_stage_display(),
            meaning=_(engine.STAGES[run.stage].purpose),
            state=run.state if run.pk else WAITING,
            step=run.progress.get("step", 0),
            total=run.progress.get("total", 0),
            seconds=run.result.get("seconds"),
            left=seconds_left(read_curve(run.folder)) if running else None,
            error=run.error,
            attempt=run.attempt,
            left_out=_left_out(run) if run.result.get("metrics", {}).get("overlong_prompts") else (),
            sources=_sources(run.result.get("metrics", {})),
        )

    @classmethod
    def of_base(cls, base: UnpackedBase) -> Self:
        """The view of the unpacking of a base model."""
        return cls(
            pk=base.pk,
            name="unpack",
            label=_("Unpacking the base model"),
            meaning="",
            state=base.state,
            step=base.progress.get("step", 0),
            total=base.progress.get("total", 0),
            left=seconds_left(read_curve(base.folder)) if base.state == base.State.RUNNING else None,
            error=base.error,
        )

    @property
    def is_running(self) -> bool:
        return self.state == TrainingRun.State.RUNNING

    @property
    def is_active(self) -> bool:
        return self.state in TrainingRun.ACTIVE


def stages_of(update: Update) -> list[RunView]:
    """The five stages of an update, in order, begun or not."""
    newest = {run.stage: run for run in update.runs.all()}
    runs = [newest.get(stage) or TrainingRun(stage=stage) for stage in STAGES]
    return [_dataset_stage(update), *map(RunView.of, runs)]


def _dataset_stage(update: Update) -> RunView:
    if update.dataset is None:
        state = WAITING if update.state == Update.State.QUEUED else update.state
        meaning: object = _("The judgments are written to files that never change again.")
        return RunView(None, "dataset", _("Dataset"), meaning, state)
    words = {"dataset": update.dataset, "judgments": update.dataset.judgments, "pairs": update.dataset.pairs}
    counts = (
        _("%(dataset)s: %(judgments)s judgments, %(pairs)s pairs of a better and a worse answer.") % words
    )
    return RunView(None, "dataset", _("Dataset"), counts, Update.State.SUCCEEDED)


def _left_out(run: TrainingRun) -> tuple[LeftOutView, ...]:
    left_out = left_out_of(run)
    prompts = run.project.prompts.filter(pk__in=[each.prompt_id for each in left_out[:SHOWN_LEFT_OUT]])
    numbers = dict(prompts.values_list("pk", "number"))
    return tuple(LeftOutView(numbers.get(each.prompt_id), each.tokens, each.limit) for each in left_out)


def _sources(metrics: dict[str, Any]) -> tuple[SourceView, ...]:
    """The sources that a reward model learned from, where any but the desk are among them."""
    sources = metrics.get("sources", {})
    return (
        tuple(SourceView(name, **facts) for name, facts in sources.items()) if set(sources) - {"desk"} else ()
    )
