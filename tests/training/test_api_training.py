"""The API of learning: updates, runs, versions."""

import json

import pytest
from django.urls import reverse

from annotator.models import Project
from tests.api import client_of
from tests.factories import coordinator_of, make_project
from tests.training.making import SMALL, make_candidate, make_trainable, make_update
from training.models import Schedule, TrainingRun, Update

pytestmark = pytest.mark.django_db
State = Update.State


@pytest.fixture
def project():
    return make_trainable()


@pytest.fixture
def client(project):
    return client_of(coordinator_of(project))


def address(name: str, project: Project, *rest: int) -> str:
    return reverse(name, args=[project.slug, *rest])


def test_an_update_is_started_shown_and_listed(project, client):
    answer = client.post(address("api-updates", project), {"settings": SMALL})
    assert answer.status_code == 201
    started, stored = answer.json(), Update.objects.get()
    assert (stored.settings, stored.started_by) == (SMALL, coordinator_of(project))
    assert (started["state"], started["parent"], started["candidate"]) == ("queued", 0, None)
    assert [(one["stage"], one["state"], one["run"]) for one in started["stages"]] == [
        (stage, None, None) for stage in ("reward", "ppo", "evaluate")
    ]
    assert client.get(address("api-update", project, stored.pk)).json() == started
    listed = client.get(address("api-updates", project)).json()["results"]
    assert [one["id"] for one in listed] == [stored.pk]


def test_without_settings_those_of_the_project_count(project, client):
    Schedule.objects.create(project=project, settings=SMALL)
    assert client.post(address("api-updates", project)).status_code == 201
    assert Update.objects.get().settings == SMALL


def test_no_settings_at_all_can_be_asked_for(project, client):
    Schedule.objects.create(project=project, settings=SMALL)
    assert client.post(address("api-updates", project), {"settings": {}}).status_code == 201
    assert Update.objects.get().settings == {}


def test_a_second_update_has_to_wait(project, client):
    client.post(address("api-updates", project))
    answer = client.post(address("api-updates", project))
    assert answer.status_code == 409
    assert "under way already" in answer.json()["detail"]
    assert Update.objects.count() == 1


def test_a_project_without_a_live_version_cannot_be_updated():
    project = make_project()
    answer = client_of(coordinator_of(project)).post(address("api-updates", project))
    assert answer.status_code == 409
    assert "no live version" in answer.json()["detail"]


BAD_SETTINGS = {
    "not an object": [],
    "null": None,
    "an unknown stage": {"sft": {}},
    "a stage that is no object": {"ppo": 3},
    "an unknown setting": {"ppo": {"stepz": 3}},
    "a setting of another type": {"ppo": {"steps": "many"}},
    "an impossible value": {"reward": {"epochs": -1}},
    "a value beyond all bounds": {"generate": {"max_new_tokens": 2**60}},
    "what the update chooses": {"ppo": {"base_model": "/etc"}},
    "deep nesting": {"ppo": {"steps": [[[[[[1]]]]]]}},
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_that_no_recipe_takes_are_refused(project, client, name):
    answer = client.post(address("api-updates", project), {"settings": BAD_SETTINGS[name]})
    assert answer.status_code == 400
    assert set(answer.json()) == {"settings"}
    assert not Update.objects.exists()


def test_a_running_stage_shows_its_progress_curve_and_log(project, client):
    update = make_update(project)
    line = {"step": 1, "total": 4, "time": 10.0, "metrics": {"kl": 0.5}}
    run = TrainingRun.objects.create(
        project=project, update=update, stage="reward", state="running", progress=line
    )
    run.folder.mkdir(parents=True, exist_ok=True)
    lines = [line, line | {"step": 2, "time": 13.0}]
    (run.folder / "progress.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (run.folder / "engine.log").write_text("loading\n")
    watched = client.get(address("api-update", project, update.pk)).json()["stages"]
    assert (watched[0]["run"], watched[0]["state"], watched[0]["progress"]) == (run.pk, "running", line)
    shown = client.get(address("api-run", project, run.pk)).json()
    assert (shown["id"], shown["update"], shown["curve"]) == (run.pk, update.pk, lines)
    assert (shown["seconds_left"], shown["log"], shown["metrics"]) == (6.0, "loading", {})


def test_a_stage_that_ended_shows_its_metrics(project, client):
    update = make_update(project)
    result = {"metrics": {"accuracy": 0.9}, "energy": {"kwh": 0.1}}
    TrainingRun.objects.create(
        project=project, update=update, stage="reward", state="succeeded", result=result
    )
    watched = client.get(address("api-update", project, update.pk)).json()["stages"]
    assert watched[0]["metrics"] == {"accuracy": 0.9}


def test_an_update_is_cancelled_and_tried_again(project, client):
    update = make_update(project)
    answer = client.post(address("api-cancel-update", project, update.pk))
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert client.post(address("api-cancel-update", project, update.pk)).status_code == 409
    answer = client.post(address("api-retry-update", project, update.pk))
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert client.post(address("api-retry-update", project, update.pk)).status_code == 409


def test_an_update_is_tried_again_with_other_settings(project, client):
    update = make_update(project)
    client.post(address("api-cancel-update", project, update.pk))
    wrong = client.post(address("api-retry-update", project, update.pk), {"settings": {"ppo": {"stepz": 1}}})
    assert (wrong.status_code, set(wrong.json())) == (400, {"settings"})
    settings = {"reward": {"batch_size": 2}}
    answer = client.post(address("api-retry-update", project, update.pk), {"settings": settings})
    assert (answer.status_code, answer.json()["settings"]) == (200, settings)


def test_answers_are_sampled_once_and_cancelled(project, client):
    answer = client.post(address("api-sample", project))
    assert (answer.status_code, answer.json()["stage"]) == (201, "generate")
    assert client.post(address("api-sample", project)).status_code == 409
    cancel = address("api-cancel-run", project, answer.json()["id"])
    answer = client.post(cancel)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert client.post(cancel).status_code == 409


def test_the_run_of_an_update_is_cancelled_with_the_update_only(project, client):
    run = TrainingRun.objects.create(project=project, update=make_update(project), stage="reward")
    assert client.post(address("api-cancel-run", project, run.pk)).status_code == 404


def test_updates_and_runs_of_another_project_are_not_found(project, client):
    other = make_update(make_trainable())
    run = TrainingRun.objects.create(project=other.project, stage="generate")
    assert client.get(address("api-update", project, other.pk)).status_code == 404
    assert client.post(address("api-cancel-update", project, other.pk)).status_code == 404
    assert client.post(address("api-retry-update", project, other.pk)).status_code == 404
    assert client.get(address("api-run", project, run.pk)).status_code == 404
    other.refresh_from_db()
    assert other.state == State.QUEUED


def test_versions_are_listed_newest_first_and_shown(project, client):
    candidate = make_candidate(project)
    listed = client.get(address("api-versions", project)).json()["results"]
    assert [(one["number"], one["state"], one["parent"]) for one in listed] == [
        (1, "candidate", 0),
        (0, "live", None),
    ]
    candidate.evaluations.create(baseline=candidate.parent, judge="reward model", wins=8, ties=1, losses=1)
    shown = client.get(address("api-version", project, 1)).json()
    assert shown["evaluations"][0] | {"created_at": ""} == {
        "baseline": 0,
        "judge": "reward model",
        "wins": 8,
        "ties": 1,
        "losses": 1,
        "metrics": {},
        "created_at": "",
    }
    assert client.get(address("api-version", project, 2)).status_code == 404


def release(client, project, number):
    etag = client.get(address("api-version", project, number))["ETag"]
    return client.post(address("api-release", project, number), headers={"If-Match": etag})


def test_a_candidate_is_released_once_and_the_way_back_is_open(client, project):
    make_candidate(project)
    answer = release(client, project, 1)
    assert answer.status_code == 201
    assert answer.json() | {"created_at": ""} == {
        "version": 1,
        "previous": 0,
        "is_rollback": False,
        "created_at": "",
    }
    assert project.rounds.get(closed_at=None).author.version.number == 1
    assert release(client, project, 1).status_code == 409
    answer = client.post(address("api-roll-back", project), {"to": 0})
    assert (answer.status_code, answer.json()["version"], answer.json()["is_rollback"]) == (201, 0, True)
    assert project.versions.live().get().number == 0


def test_going_back_to_a_named_version_happens_once(project, client):
    for number in (1, 2):
        make_candidate(project, number)
        release(client, project, number)
    assert client.post(address("api-roll-back", project), {"to": 1}).status_code == 201
    assert client.post(address("api-roll-back", project), {"to": 1}).status_code == 409
    assert client.post(address("api-roll-back", project), {"to": -1}).status_code == 400
    assert project.versions.live().get().number == 1


def test_there_is_no_way_back_from_the_first_version(project, client):
    assert client.post(address("api-roll-back", project), {"to": 0}).status_code == 409


def test_a_candidate_is_rejected_once_and_never_released(project, client):
    make_candidate(project)
    answer = client.post(address("api-reject", project, 1))
    assert (answer.status_code, answer.json()["state"]) == (200, "rejected")
    assert client.post(address("api-reject", project, 1)).status_code == 409
    assert release(client, project, 1).status_code == 409
    assert project.versions.live().get().number == 0
