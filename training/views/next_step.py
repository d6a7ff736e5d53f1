"""Which button of the training page is the one to press next."""

from enum import StrEnum

from training.models import TrainingRun
from training.services.week import Step, Week
from training.views.updates.stages import RunView


class Primary(StrEnum):
    """The page's one primary button, by what it leads to."""

    UNPACK = "unpack"
    WATCH = "watch"
    DECIDE = "decide"
    RETRY = "retry"
    START = "start"
    IMPORT = "import"
    SAMPLE = "sample"
    INVITE = "invite"


def primary_of(
    week: Week, sampling: RunView | None, unpacking: RunView | None, *, has_prompts: bool
) -> Primary:
    """What the week needs next. While nothing can start, people are invited, whom every round needs."""
    if unpacking and unpacking.state == TrainingRun.State.FAILED:
        return Primary.UNPACK
    if week.step in (Step.LEARNING, Step.DECIDING):
        return Primary.WATCH if week.step == Step.LEARNING else Primary.DECIDE
    if week.update:
        return Primary.RETRY
    if week.step == Step.COLLECTING or not can_start(sampling, unpacking):
        return Primary.INVITE
    if week.step == Step.ENOUGH:
        return Primary.START
    return Primary.SAMPLE if has_prompts else Primary.IMPORT


def can_start(sampling: RunView | None, unpacking: RunView | None) -> bool:
    """Whether neither the base model nor answers that are being sampled keep an update from its start."""
    is_unpacked = unpacking is None or unpacking.state == TrainingRun.State.SUCCEEDED
    return is_unpacked and not (sampling and sampling.is_active)
