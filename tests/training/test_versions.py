"""Which version is live: base, release, rejection and the way back."""

import pytest
from django.db import IntegrityError, transaction

from annotator.errors import RefusedError
from annotator.models import AuditEvent
from ranking.errors import RankingError
from tests.factories import coordinator_of, make_project
from tests.training.making import add_answers, make_candidate, make_trainable
from training.models import ModelVersion, Release
from training.services.versions import (
    register_base_version,
    reject_version,
    release_version,
    roll_back,
    version_before,
)

pytestmark = pytest.mark.django_db
State = ModelVersion.State


def states(project) -> dict[int, str]:
    return dict(project.versions.values_list("number", "state"))


def test_registering_the_base_twice_gives_the_same_live_version():
    project = make_project()
    first = register_base_version(project=project)
    assert register_base_version(project=project) == first
    assert (first.number, first.state, first.adapter_dir) == (0, State.LIVE, None)


def test_a_release_retires_the_live_version_and_opens_a_round_with_the_new_answers():
    project = make_trainable()
    candidate = make_candidate(project)
    release = release_version(version=candidate, actor=coordinator_of(project))
    assert states(project) == {0: State.RETIRED, 1: State.LIVE}
    assert (release.version, release.previous.number, release.is_rollback) == (candidate, 0, False)
    assert project.rounds.get().author == candidate.author
    assert AuditEvent.objects.filter(verb="version.released", actor=coordinator_of(project)).exists()


def test_a_release_without_anything_to_compare_changes_nothing():
    project = make_trainable()
    candidate = make_candidate(project)
    candidate.author.completions.all().delete()
    with pytest.raises(RankingError):
        release_version(version=candidate, actor=None)
    assert states(project) == {0: State.LIVE, 1: State.CANDIDATE}
    assert not Release.objects.filter(version=candidate).exists()


@pytest.mark.parametrize("state", [State.LIVE, State.REJECTED])
def test_what_is_live_or_rejected_cannot_be_released(state):
    project = make_trainable()
    version = make_candidate(project)
    if state == State.LIVE:
        release_version(version=version, actor=None)
    else:
        reject_version(version=version, actor=None)
    before = states(project)
    with pytest.raises(RefusedError, match=state):
        release_version(version=version, actor=None)
    assert states(project) == before


def test_only_a_candidate_can_be_rejected():
    project = make_trainable()
    with pytest.raises(RefusedError, match="no candidate"):
        reject_version(version=project.versions.get(), actor=None)
    candidate = make_candidate(project)
    reject_version(version=candidate, actor=None)
    assert states(project) == {0: State.LIVE, 1: State.REJECTED}
    with pytest.raises(RefusedError):
        reject_version(version=candidate, actor=None)


def test_going_back_follows_the_releases_not_the_rollbacks():
    project = make_trainable()
    add_answers(project.versions.get())
    for number in (1, 2):
        release_version(version=make_candidate(project, number), actor=None)
    roll_back(project=project, actor=None)
    assert states(project) == {0: State.RETIRED, 1: State.LIVE, 2: State.RETIRED}
    roll_back(project=project, actor=None)
    assert states(project) == {0: State.LIVE, 1: State.RETIRED, 2: State.RETIRED}
    assert project.rounds.get(closed_at=None).author == project.versions.get(number=0).author
    with pytest.raises(RefusedError, match="no version before"):
        roll_back(project=project, actor=None)


def test_a_button_pressed_twice_goes_back_once():
    project = make_trainable()
    for number in (1, 2):
        release_version(version=make_candidate(project, number), actor=None)
    roll_back(project=project, actor=None, to=1)
    with pytest.raises(RefusedError, match="Version 1 is live"):
        roll_back(project=project, actor=None, to=1)
    assert states(project) == {0: State.RETIRED, 1: State.LIVE, 2: State.RETIRED}


def test_going_back_works_even_when_there_is_nothing_to_rank():
    project = make_trainable()
    release_version(version=make_candidate(project), actor=None)
    roll_back(project=project, actor=None)
    assert states(project) == {0: State.LIVE, 1: State.RETIRED}


def test_a_retired_version_can_be_made_live_again():
    project = make_trainable()
    candidate = make_candidate(project)
    release_version(version=candidate, actor=None)
    roll_back(project=project, actor=None)
    release_version(version=candidate, actor=None)
    assert states(project) == {0: State.RETIRED, 1: State.LIVE}
    assert version_before(candidate).number == 0


def test_the_database_admits_one_live_version_per_project():
    project = make_trainable()
    candidate = make_candidate(project)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=candidate.pk).update(state=State.LIVE)
