"""Which version is live: base, release, rejection and the way back."""

import pytest
from django.db import IntegrityError, transaction

from annotator.errors import RefusedError
from annotator.models import AuditEvent
from ranking.models import Outcome
from ranking.models.round_states import RoundState
from ranking.services import snapshot_preferences
from tests.factories import coordinator_of, make_project
from tests.training.making import (
    add_answers,
    make_candidate,
    make_finished,
    make_judged,
    make_run,
    make_trainable,
    make_update,
)
from training.models import ModelVersion
from training.services.clock import tick
from training.services.runs.recipes import base_model, stage_input
from training.services.updates.control import request_cancel
from training.services.versions.base_version import register_base_version
from training.services.versions.releases import reject_version, release_version, roll_back

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


@pytest.mark.parametrize("state", [State.LIVE, State.REJECTED])
def test_what_is_live_or_rejected_cannot_be_released(state):
    project = make_trainable()
    version = make_candidate(project)
    if state == State.LIVE:
        release_version(version=version, actor=None)
    else:
        reject_version(version=version, actor=None)
    before = states(project)
    with pytest.raises(RefusedError, match=str(state.label)):
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


def test_going_back_leads_to_what_was_live_before_the_newest_release():
    project = make_trainable()
    candidates = [make_candidate(project, number) for number in (1, 2)]
    for candidate in (*candidates, candidates[0]):
        release_version(version=candidate, actor=None)
    assert candidates[0].before == candidates[1]
    roll_back(project=project, actor=None, to=2)
    assert states(project) == {0: State.RETIRED, 1: State.RETIRED, 2: State.LIVE}


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
    assert candidate.before.number == 0


def test_the_database_admits_one_live_version_per_project():
    project = make_trainable()
    candidate = make_candidate(project)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=candidate.pk).update(state=State.LIVE)


def test_a_decision_has_the_next_round_prepared_and_the_open_one_goes_on():
    project = make_judged()
    first = project.rounds.get()
    candidate = make_finished(make_update(project))
    release_version(version=candidate, actor=None)
    first.refresh_from_db()
    prepared = project.rounds.preparing().get()
    run = project.runs.get(update=None)
    assert (first.state, first.is_open) == (RoundState.RELEASED, True)
    assert prepared.author == candidate.author
    assert (run.round, run.version, run.state) == (prepared, candidate, run.State.QUEUED)


def test_a_rejected_candidate_ends_its_round_and_the_live_version_answers_for_the_next():
    project = make_judged()
    first = project.rounds.get()
    reject_version(version=make_finished(make_update(project)), actor=None)
    first.refresh_from_db()
    assert first.state == RoundState.KEPT
    assert project.rounds.preparing().get().author == project.versions.get(number=0).author
    assert project.runs.get(update=None).version.number == 0


def test_going_back_gives_up_what_is_sampled_of_the_version_that_was_live():
    project = make_judged()
    candidate = make_finished(make_update(project))
    release_version(version=candidate, actor=None)
    roll_back(project=project, actor=None)
    old, new = project.runs.filter(update=None).order_by("pk")
    assert (old.version, old.state) == (candidate, old.State.CANCELLED)
    assert (new.version.number, new.state) == (0, new.State.QUEUED)
    assert project.rounds.preparing().get().author == new.version.author


def test_a_release_during_another_update_has_the_clock_sample_when_that_has_ended():
    project = make_judged()
    update = make_update(project)
    release_version(version=make_candidate(project), actor=None)
    tick()
    assert not project.runs.filter(update=None).exists()
    request_cancel(update=update)
    tick()
    run = project.runs.get(update=None)
    tick()
    assert run.round == project.rounds.preparing().get() and project.runs.filter(update=None).count() == 1


def test_an_update_stays_on_the_base_model_of_its_version():
    project = make_judged("models/first")
    project.base_model = "models/second"
    project.save()
    update = make_update(project)
    update.dataset = snapshot_preferences(project=project)
    assert stage_input(update, "reward").recipe.base_model == "models/first"
    assert make_finished(update).base_model == "models/first"


def test_a_base_model_below_the_data_folder_moves_with_it(settings, tmp_path):
    for place in ("before", "after"):
        settings.DATA_DIR = tmp_path / place
        folder = tmp_path / place / "starters" / "demo"
        folder.mkdir(parents=True)
        assert base_model(ModelVersion(base_model="starters/demo")) == str(folder)
    assert base_model(ModelVersion(base_model="Qwen/Qwen3-0.6B")) == "Qwen/Qwen3-0.6B"


def decision(version):
    return Outcome.objects.get(candidate=version.author).decision


def test_volunteers_are_told_how_the_candidate_did_and_what_was_decided():
    project = make_judged()
    version = make_finished(make_update(project))
    outcome = Outcome.objects.get()
    assert (outcome.candidate, outcome.baseline.name) == (version.author, "Version 0")
    assert (outcome.wins, outcome.ties, outcome.losses) == (31, 5, 12)
    assert (outcome.judge, outcome.volunteers) == (Outcome.Judge.REWARD_MODEL, 1)
    assert outcome.dataset == version.dataset
    assert decision(version) == Outcome.Decision.WAITING
    release_version(version=version, actor=None)
    assert decision(version) == Outcome.Decision.RELEASED
    roll_back(project=project, actor=None)
    assert decision(version) == Outcome.Decision.TAKEN_BACK
    release_version(version=version, actor=None)
    assert decision(version) == Outcome.Decision.RELEASED


def test_volunteers_are_told_that_a_candidate_was_rejected():
    version = make_finished(make_update())
    reject_version(version=version, actor=None)
    assert decision(version) == Outcome.Decision.NOT_RELEASED


def test_a_release_that_is_refused_tells_volunteers_nothing():
    version = make_finished(make_update())
    reject_version(version=version, actor=None)
    with pytest.raises(RefusedError):
        release_version(version=version, actor=None)
    assert decision(version) == Outcome.Decision.NOT_RELEASED


def test_what_attempts_without_success_took_counts_among_the_costs_of_a_version():
    update = make_update()
    update.claim()
    given_up = make_run(update)
    given_up.unfinished_seconds = 83.4
    given_up.save()
    given_up.request_cancel()
    update.finish(update.State.FAILED, error="The disk is full.")
    update.requeue()
    metrics = make_finished(update).metrics
    assert metrics["unfinished_seconds"] == pytest.approx(83.4)
    assert metrics["energy_kwh"] == pytest.approx(
        4 * 0.0012
    )  # three stages of 83.4 seconds, and as long again
