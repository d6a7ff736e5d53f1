"""Workers, clocks and coordinators who act at the same moment, each with a connection of their own."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from annotator.errors import RefusedError
from annotator.models import Project, User
from ranking.errors import RankingError
from ranking.models import Assignment, Judgment
from ranking.services import claim_next
from tests.factories import coordinator_of, make_member
from tests.racing import at_once
from tests.ranking.making import make_judgment, make_round
from tests.training.making import SMALL, add_answers, make_candidate, make_judged, make_trainable, make_update
from training.models import ModelVersion, Release, Schedule, TrainingRun, Update
from training.services.clock import tick
from training.services.deleting.projects import delete_project
from training.services.sampling.control import sample_live_version
from training.services.schedules import save_schedule
from training.services.updates.control import retry_update, start_update
from training.services.versions.releases import release_version, roll_back
from training.tasks import run_update

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def or_refused(act: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return act(*args, **kwargs)
    except RefusedError:
        return None


def test_one_of_many_workers_gets_the_lease():
    update = make_update()
    leases = at_once(lambda _worker: Update.objects.get(pk=update.pk).claim(), range(AT_ONCE))
    won = [lease for lease in leases if lease is not None]
    update.refresh_from_db()
    assert won == [update.lease]
    assert update.attempt == 1


def test_many_clicks_start_one_update():
    project = make_judged()
    started = at_once(
        lambda _click: or_refused(start_update, project=project, settings=SMALL), range(AT_ONCE)
    )
    assert len([update for update in started if update]) == 1
    queued = DBTaskResult.objects.filter(task_path=run_update.module_path)
    assert Update.objects.count() == queued.count() == 1


def test_of_an_update_and_a_sampling_asked_for_at_once_one_starts():
    project = make_judged()
    acts = [start_update, sample_live_version] * (AT_ONCE // 2)
    started = at_once(lambda act: or_refused(act, project=project), acts)
    assert len([work for work in started if work]) == 1
    assert Update.objects.count() + TrainingRun.objects.count() == 1


def test_many_clicks_on_try_again_requeue_once():
    update = make_update()
    Update.objects.update(state=Update.State.FAILED)
    DBTaskResult.objects.all().delete()
    at_once(lambda _click: or_refused(retry_update, update=Update.objects.get(pk=update.pk)), range(AT_ONCE))
    assert DBTaskResult.objects.count() == 1


def test_many_clocks_start_one_update_for_a_slot():
    project = make_judged()
    now = timezone.now()
    save_schedule(
        project=project,
        actor=coordinator_of(project),
        cron="* * * * *",
        is_enabled=True,
        min_new_judgments=0,
        settings=SMALL,
    )
    Schedule.objects.update(checked_at=now - timedelta(minutes=3))
    at_once(lambda _clock: tick(now), range(AT_ONCE))
    assert Update.objects.count() == 1


def test_of_two_candidates_released_at_once_one_is_live_and_the_chain_is_unbroken():
    project = make_trainable()
    candidates = [make_candidate(project, number) for number in (1, 2)]
    at_once(lambda version: or_refused(release_version, version=version, actor=None), candidates)
    assert project.versions.live().count() == 1
    last = Release.objects.first()
    assert last.version.state == ModelVersion.State.LIVE
    assert last.previous.state == ModelVersion.State.RETIRED
    assert project.rounds.filter(closed_at=None).count() == 1


def test_going_back_by_many_clicks_goes_back_one_version():
    project = make_trainable()
    add_answers(project.versions.get())
    for number in (1, 2):
        release_version(version=make_candidate(project, number), actor=None)
    at_once(lambda _click: or_refused(roll_back, project=project, actor=None, to=1), range(2))
    assert project.versions.live().get().number == 1


def test_a_project_that_is_deleted_while_people_judge_is_gone_or_whole():
    current = make_round(prompts=12, answers=2)
    project, coordinator = current.project, coordinator_of(current.project)
    volunteers = [make_member(project) for _ in range(4)]

    def act(person: User) -> None:
        try:
            if person == coordinator:
                delete_project(project=project, actor=person)
                return
            while assignment := claim_next(project=project, volunteer=person):
                make_judgment(assignment, 1, 2)
        except (RefusedError, RankingError):
            pass

    at_once(act, [*volunteers, coordinator])
    if not Project.objects.exists():
        assert not Judgment.objects.exists() and not Assignment.objects.exists()
    else:
        assert Judgment.objects.count() == 12
