"""Where a project stands in its week: from collecting judgments to a version that is live."""

from dataclasses import dataclass
from datetime import date

from django.db.models import TextChoices
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import Project, Role
from ranking.models import Round
from ranking.overview import Waiting
from training.models import ModelVersion, Schedule, Update
from training.services.enough import Missing, enough_for_update, expected_on
from training.services.updates.control import new_judgments


class Step(TextChoices):
    """The steps of a week, in order. LIVE lasts until the next round opens."""

    COLLECTING = "collecting", gettext_lazy("Collecting")
    ENOUGH = "enough", gettext_lazy("Enough collected")
    LEARNING = "learning", gettext_lazy("Learning")
    DECIDING = "deciding", gettext_lazy("Your decision")
    LIVE = "live", gettext_lazy("Live")


@dataclass(frozen=True)
class Week:
    """`collected` judgments are new since the last successful update; `needed` are enough for the next."""

    step: Step
    collected: int
    needed: int
    candidate: ModelVersion | None
    update: Update | None
    """The one under way, or the newest where that failed."""
    open_round: Round | None
    missing: list[Missing]
    """What there is too little of for the next update, unless only judgments were looked at."""
    expected: date | None
    """When judgments should be enough, at the pace of the last days."""


def week_of(project: Project, *, exactly: bool = True) -> Week:
    """What comes first: an update under way, a decision, enough judgments, an open round.

    Unless `exactly` what was collected is to be shown, judgments alone are counted, as far as it matters.
    """
    candidate = project.versions.filter(state=ModelVersion.State.CANDIDATE).first()
    newest = project.updates.first()
    active = newest if newest and newest.is_active else None
    failed = newest if newest and newest.state == Update.State.FAILED else None
    schedule = Schedule.objects.filter(project=project).first() or Schedule(project=project)
    open_round = project.rounds.open().first()
    needed = schedule.min_new_judgments
    enough = enough_for_update(project, schedule) if exactly else None
    collected = enough.collected.judgments if enough else new_judgments(project)[: max(needed, 1)].count()
    if active:
        step = Step.LEARNING
    elif candidate:
        step = Step.DECIDING
    elif collected >= max(needed, 1) and not (enough and enough.missing):
        step = Step.ENOUGH
    else:
        step = Step.COLLECTING if open_round else Step.LIVE
    missing = enough.missing if enough else []
    expected = expected_on(project, enough) if enough and missing else None
    return Week(step, collected, needed, candidate, active or failed, open_round, missing, expected)


def decision_to_take(project: Project, role: Role) -> Waiting | None:
    """What only a coordinator can do for the week to go on, for the project's first page."""
    if role != Role.COORDINATOR:
        return None
    week = week_of(project, exactly=False)  # pages that open often cost no more in large rounds
    if week.step == Step.DECIDING and week.candidate:
        words = _("%(version)s waits for your decision: release it, or reject it")
        address = reverse("version", args=[project.slug, week.candidate.number])
        return Waiting(words % {"version": week.candidate}, address)
    if week.update and not week.update.is_active:
        address = reverse("update", args=[project.slug, week.update.number])
        return Waiting(_("%(update)s failed: see why, and try again") % {"update": week.update}, address)
    if week.step == Step.ENOUGH:
        words = _("There are enough new judgments for an update")
        return Waiting(words, reverse("training", args=[project.slug]))
    return None
