"""Weeks that run by themselves: the clock starts, engines learn, the gate decides, the next round opens."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from annotator.models import Project
from ranking.models import Judgment
from ranking.models.reliability import fit_of
from ranking.models.round_states import RoundState
from tests.factories import coordinator_of
from training.models import Gate, Schedule, TrainingRun, Update
from training.services.clock import tick
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.timeline import line_of, rounds_of
from training.services.updates.worker import execute_update
from training.services.versions.releases import release_version

from .making import SMALL, judge_all, make_trainable

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forked_engines")]
BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 10, 19, 3, 0, tzinfo=BERLIN)
"""A Monday; the clocks are set back before the next one."""


def work() -> None:
    """What the worker does until nothing is left to do."""
    while True:
        runs = TrainingRun.objects.claimable().filter(update=None)
        updates = Update.objects.claimable()
        if not runs.exists() and not updates.exists():
            return
        for run in runs:
            execute_sampling(run.pk)
        for update in updates:
            execute_update(update.pk)


def monday(number: int) -> datetime:
    return FIRST + timedelta(weeks=number)  # the same hour on the wall, whatever the clocks did


def test_weeks_follow_each_other_without_anybody_pressing_a_button(tiny_base: Path):
    project = make_trainable(str(tiny_base))
    Project.objects.filter(pk=project.pk).update(timezone="Europe/Berlin")
    Schedule.objects.create(
        project=project,
        cron="0 3 * * 1",
        is_enabled=True,
        min_new_judgments=1,
        settings=SMALL,
        gate=Gate.RULE,
    )
    Schedule.objects.update(checked_at=monday(0) - timedelta(days=1))
    sample_live_version(project=project, actor=coordinator_of(project))
    work()
    assert judge_all(project)

    tick(monday(0) + timedelta(seconds=20))
    first = project.updates.get()
    assert first.slot == monday(0) and project.rounds.get().state == RoundState.CLOSING
    work()
    assert project.rounds.get().state == RoundState.GATING
    tick(monday(0) + timedelta(hours=1))  # an untrained model does not pass
    work()
    states = list(project.rounds.order_by("number").values_list("state", flat=True))
    assert states == [RoundState.KEPT, RoundState.OPEN]

    # Nobody ranks in the week in which the clocks are set back: its update is passed over, and only once.
    for _ in range(2):
        tick(monday(1) + timedelta(seconds=20))
    assert project.updates.count() == 1
    passed = project.audit_events.filter(verb="schedule.passed_over")
    assert [event.data["cause"] for event in passed] == ["not_enough"]

    # A coordinator who decides by hand releases the next one.
    Schedule.objects.update(gate=Gate.COORDINATOR)
    assert judge_all(project)
    tick(monday(2) + timedelta(seconds=20))
    second = project.updates.first()
    assert second.slot == monday(2) and second.slot - first.slot == timedelta(weeks=2, hours=1)
    work()
    second.refresh_from_db()
    release_version(version=second.candidate, actor=coordinator_of(project))
    tick(monday(2) + timedelta(hours=1))
    work()

    lines = [line_of(one, fit_of(one.project)) for one in rounds_of(project)]
    assert [line.round.state for line in lines] == ["open", "released", "kept"]
    assert [line.before.number for line in lines] == [second.candidate.number, 0, 0]
    assert sum(line.collected.judgments for line in lines) == Judgment.objects.of_project(project).count()
