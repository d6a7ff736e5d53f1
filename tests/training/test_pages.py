"""The pages of training: for whom, what they show, what they refuse."""

import errno
import functools
import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.models import Project, Role
from annotator.shown import text_of as facts_text
from ranking.services import open_round, snapshot_preferences
from tests.factories import coordinator_of, make_member, make_project, make_user
from tests.linked_numbers import linked_numbers
from tests.pressing import filled, press
from tests.training.making import (
    PROMPTS,
    SMALL,
    add_answers,
    make_candidate,
    make_finished,
    make_judged,
    make_run,
    make_trainable,
    make_update,
)
from tests.training.planning import made_plan, store_plan
from training.facts import live_facts, version_facts
from training.models import ModelVersion, Schedule, TrainingRun, Update
from training.services.clock import tick
from training.services.plans.stored import current_plan
from training.services.plans.worker import plan_next_update
from training.services.runs import create as runs
from training.services.schedules import save_schedule
from training.services.updates.control import start_update
from training.services.versions.releases import release_version

pytestmark = pytest.mark.django_db
State = Update.State
HTMX = {"HX-Request": "true"}
SCHEDULE = {
    "cron": "0 3 * * 1",
    "min_new_judgments": "30",
    "min_people": "0",
    "min_pairs": "0",
    "min_agreement": "0",
    "gate": "coordinator",
    "is_enabled": "on",
    "update_minutes": "0:20",
    **{f"{stage}-{name}": value for stage, values in SMALL.items() for name, value in values.items()},
}
GET_PAGES = [
    "training",
    "timeline",
    "round",
    "schedule",
    "schedule-sample",
    "schedule-dataset",
    "schedule-report",
    "update",
    "update-curves",
    "compare-updates",
    "versions",
    "start-from",
    "version",
    "version-lineage",
    "version-safety",
]
POST_PAGES = [
    "start-update",
    "sample",
    "roll-back",
    "cancel-sampling",
    "cancel-update",
    "retry-update",
    "release-version",
    "reject-version",
    "delete-version-files",
    "start-test",
]
ARGUMENTS = {
    "round": "round",
    "update": "update",
    "update-curves": "update",
    "compare-updates": "update",
    "cancel-sampling": "run",
    "cancel-update": "update",
    "retry-update": "update",
    "version": "version",
    "version-lineage": "version",
    "version-safety": "version",
    "release-version": "version",
    "reject-version": "version",
    "delete-version-files": "version",
    "start-test": "version",
}


@pytest.fixture
def update() -> Update:
    return make_update()


@pytest.fixture
def project(update: Update) -> Project:
    return update.project


@pytest.fixture
def page(client: Client, project: Project) -> Client:
    """A browser in which the coordinator is signed in."""
    client.force_login(coordinator_of(project))
    return client


@pytest.fixture
def idle(page: Client) -> Project:
    """A project with rankings and without an update, whose coordinator is signed in."""
    project = make_judged()
    page.force_login(coordinator_of(project))
    return project


def address(name: str, project: Project, argument: object = None) -> str:
    kind = ARGUMENTS.get(name)
    if kind and argument is None:
        argument = first_of(project, kind)
    return reverse(name, args=[project.slug, *([argument] if kind else [])])


def first_of(project: Project, kind: str) -> int:
    """The number in the address of something that the project has, or would have first."""
    return {"update": project.updates.latest("pk").number, "run": 1, "version": 0, "round": 1}[kind]


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


# For whom


@pytest.mark.parametrize("name", GET_PAGES + POST_PAGES)
@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.REVIEWER])
def test_only_coordinators_come_in(client, project, name, role):
    client.force_login(make_member(project, role))
    assert client.generic("GET" if name in GET_PAGES else "POST", address(name, project)).status_code == 403


@pytest.mark.parametrize("name", GET_PAGES + POST_PAGES)
def test_a_stranger_cannot_tell_that_the_project_exists(client, project, name):
    client.force_login(make_user())
    assert client.generic("GET" if name in GET_PAGES else "POST", address(name, project)).status_code == 404


@pytest.mark.parametrize("name", GET_PAGES + POST_PAGES)
def test_someone_not_signed_in_is_sent_to_sign_in(client, project, name):
    response = client.generic("GET" if name in GET_PAGES else "POST", address(name, project))
    assert response.status_code == 302
    assert reverse("account_login") in response.url


@pytest.mark.parametrize("name", [name for name in GET_PAGES + POST_PAGES if name in ARGUMENTS])
@pytest.mark.parametrize("argument", [987654, 10**30])
def test_what_does_not_exist_is_404(page, project, name, argument):
    method = "GET" if name in GET_PAGES else "POST"
    assert page.generic(method, address(name, project, argument)).status_code == 404


@pytest.mark.parametrize("name", [name for name in GET_PAGES + POST_PAGES if name in ARGUMENTS])
def test_what_belongs_to_another_project_is_404(page, project, name):
    other = make_project()
    other.memberships.create(user=coordinator_of(project), role=Role.COORDINATOR)
    argument = first_of(project, ARGUMENTS[name])
    method = "GET" if name in GET_PAGES else "POST"
    assert page.generic(method, address(name, other, argument)).status_code == 404


@pytest.mark.parametrize("name", GET_PAGES + POST_PAGES)
def test_the_wrong_method_is_405(page, project, name):
    wrong = "GET" if name in POST_PAGES else "DELETE"
    assert page.generic(wrong, address(name, project)).status_code == 405


# The overview


def test_the_overview_says_what_an_update_would_use(client):
    project = make_judged()
    client.force_login(coordinator_of(project))
    text = text_of(client.get(address("training", project)))
    assert (PROMPTS, PROMPTS) in linked_numbers(client, project, text)
    assert "Close Round 1 and open one with new answers" in text
    assert "No updates are scheduled." in text


def test_the_overview_of_an_empty_project_says_what_to_do(client):
    project = make_project()
    client.force_login(coordinator_of(project))
    text = text_of(client.get(address("training", project)))
    assert "There is no live version yet." in text
    assert "Run the weekly update now" not in text


def test_the_overview_asks_for_answers_only_where_there_are_none(client):
    project = make_trainable()
    client.force_login(coordinator_of(project))
    assert "No round is open: sample answers" in text_of(client.get(address("training", project)))
    add_answers(project.versions.get())
    open_round(project=project, author=project.versions.get().author)
    text = text_of(client.get(address("training", project)))
    assert "Invite people to rank" in text
    assert "No round is open" not in text
    assert "<button>Close Round 1 and open" in text


def test_the_overview_leads_to_the_active_update_instead_of_starting_one(page, project, update):
    text = text_of(page.get(address("training", project)))
    assert f"Watch {update}" in text
    assert "Run the weekly update now" not in text
    assert not any(words in text for words in ("Sample answers", "Close Round", "answers every prompt again"))


def test_the_overview_shows_the_figures_of_every_version(page, project, update):
    make_finished(update)
    text = text_of(page.get(address("training", project)))
    assert "70 %" in text
    assert "11.3" in text
    assert "Candidate" in text


def test_sampling_shows_on_the_overview_until_it_is_done(client):
    project = make_trainable()
    client.force_login(coordinator_of(project))
    assert press(client, address("training", project), address("sample", project)).status_code == 302
    text = text_of(client.get(address("training", project)))
    assert "Answers are being sampled" in text
    assert 'hx-trigger="every 2s"' in text
    assert "An update can start when the answers are sampled." in text
    project.runs.update(state=State.FAILED, error="The model folder is gone.")
    response = client.get(address("training", project), headers=HTMX)
    assert response["HX-Refresh"] == "true"
    fragment = text_of(response)
    assert "The model folder is gone." in fragment
    assert "every 2s" not in fragment
    assert "<html" not in fragment


def test_sampling_is_cancelled_from_the_overview(client):
    project = make_trainable()
    client.force_login(coordinator_of(project))
    press(client, address("training", project), address("sample", project))
    run = project.runs.get()
    cancel = address("cancel-sampling", project, run.pk)
    assert cancel in text_of(client.get(address("training", project)))
    text = text_of(client.post(cancel, follow=True))
    assert "cancelled before it began" in text
    assert "did not succeed" not in text
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert 'class="notice error"' in text_of(client.post(cancel, follow=True))


def test_the_run_of_an_update_is_not_cancelled_as_sampling(page, project, update):
    run = make_run(update)
    assert page.post(address("cancel-sampling", project, run.pk)).status_code == 404


def test_a_full_disk_is_explained_where_sampling_was_asked_for(client, monkeypatch):
    def full(_path: object, _value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "write_json", full)
    project = make_trainable()
    client.force_login(coordinator_of(project))
    page = press(client, address("training", project), address("sample", project), follow=True)
    assert "disk is full" in text_of(page)


def test_the_overview_says_why_the_schedule_passed_a_slot_over_until_an_update_starts(client):
    project = make_judged()
    client.force_login(coordinator_of(project))
    values = {"cron": "* * * * *", "is_enabled": True, "settings": SMALL}
    save_schedule(project=project, actor=coordinator_of(project), min_new_judgments=500, **values)
    tick(timezone.now() + timedelta(minutes=2))
    words = f"there was not enough new data (Judgments: {PROMPTS} of 500)."
    assert words in text_of(client.get(address("training", project)))
    press(client, address("training", project), address("start-update", project))
    assert "Skipped on" not in text_of(client.get(address("training", project)))


def test_a_skipped_time_is_not_told_once_the_schedule_was_saved_anew(client):
    project = make_judged()
    client.force_login(coordinator_of(project))
    values = {"cron": "* * * * *", "is_enabled": True, "settings": SMALL}
    save_schedule(project=project, actor=coordinator_of(project), min_new_judgments=500, **values)
    tick(timezone.now() + timedelta(minutes=2))
    save_schedule(project=project, actor=coordinator_of(project), min_new_judgments=1, **values)
    assert "Skipped on" not in text_of(client.get(address("training", project)))


def test_what_was_under_way_at_a_skipped_time_is_told_as_past(page, project, update):
    values = {"cron": "* * * * *", "is_enabled": True, "settings": SMALL}
    save_schedule(project=project, actor=coordinator_of(project), min_new_judgments=0, **values)
    tick(timezone.now() + timedelta(minutes=2))
    Update.objects.update(state=State.CANCELLED)
    text = text_of(page.get(address("training", project)))
    assert "an update, or the sampling of answers, was under way." in text
    assert "is under way already" not in text


def test_the_overview_moves_on_by_itself_when_the_update_has_ended(page, project, update):
    poll = re.search(r'hx-get="([^"]+learning=[^"]+)"', text_of(page.get(address("training", project))))
    assert poll
    going = page.get(poll[1], headers=HTMX)
    assert (going.status_code, going.headers.get("HX-Refresh")) == (204, None)
    for nonsense in ("9" * 5000, "x", "\0"):
        assert page.get(address("training", project), {"learning": nonsense}, headers=HTMX).status_code == 204
    Update.objects.update(state=State.CANCELLED)
    assert page.get(poll[1], headers=HTMX).headers["HX-Refresh"] == "true"
    assert "learning=" not in text_of(page.get(address("training", project)))


# Starting


def test_the_button_starts_an_update_with_the_projects_settings(client):
    project = make_judged()
    Schedule.objects.create(project=project, settings=SMALL)
    client.force_login(coordinator_of(project))
    response = press(client, address("training", project), address("start-update", project))
    update = project.updates.get()
    assert response.url == address("update", project, update.number)
    assert (update.settings, update.started_by) == (SMALL, coordinator_of(project))


@pytest.mark.parametrize("name", ["start-update", "sample"])
def test_starting_something_beside_an_update_that_was_started_meanwhile_explains(client, name):
    project = make_judged()
    client.force_login(coordinator_of(project))
    sent = filled(client, address("training", project), address(name, project))
    update = make_update(project)
    response = client.post(address(name, project), sent)
    assert response.status_code == 409 and "Newest update" in text_of(response)
    assert project.updates.get() == update and not project.runs.exists()


# One update


def test_a_waiting_update_says_so_and_polls(page, project):
    text = text_of(page.get(address("update", project)))
    assert "Waiting for the worker" in text
    assert 'hx-trigger="every 2s"' in text
    assert text.count("To come") == 4
    assert "Reload this page" in text


def test_a_running_update_shows_its_stage_bar_time_and_log(page, project, update):
    update.claim()
    update.renew(dataset=snapshot_preferences(project=project))
    run = make_run(update, "ppo")
    run.claim()
    now = time.time()
    lines = [
        {"time": now + step, "step": step, "total": 80, "metrics": {"score": step / 10, "kl": 0.1 * step}}
        for step in (1, 2, 3, 20)
    ]
    (run.folder / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run.folder / "engine.log").write_text("<script>alert(1)</script>\n")
    TrainingRun.objects.filter(pk=run.pk).update(progress=lines[-1])
    text = text_of(page.get(address("update", project)))
    assert '<progress max="80" value="20"' in text
    assert "about 1 min left" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "Running: Training (PPO)." in text
    assert "The last 4 of 4 steps" in text
    assert page.get(address("update-curves", project)).json() == {
        "score": {"steps": [1, 2, 3, 20], "values": [0.1, 0.2, 0.3, 2.0]},
        "kl": {"steps": [1, 2, 3, 20], "values": [0.1, 0.2, pytest.approx(0.3), 2.0]},
        "accuracy": {"steps": [], "values": []},
    }


def test_a_poll_brings_the_fragment_and_speaks_only_of_what_changed(page, project, update):
    first = page.get(address("update", project), {"seen": "queued-"}, headers=HTMX)
    assert "<html" not in text_of(first)
    assert 'role="status"' not in text_of(first)
    update.claim()
    assert 'role="status"' in text_of(page.get(address("update", project), {"seen": "queued-"}, headers=HTMX))


def test_a_message_leaves_the_page_once_the_update_has_moved_on(page, project, update):
    removal = '<div id="messages" hx-swap-oob="innerHTML"></div>'
    poll = functools.partial(page.get, address("update", project), headers=HTMX)
    assert removal not in text_of(poll({"seen": "queued-"}))
    update.claim()
    assert removal in text_of(poll({"seen": "queued-"}))


def test_polling_stops_when_the_update_has_ended(page, project, update):
    make_finished(update)
    text = text_of(page.get(address("update", project), {"seen": "running-evaluate"}, headers=HTMX))
    assert "every 2s" not in text
    assert "Release Version 1" in text


def test_going_back_in_the_browser_gets_the_whole_page(page, project):
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in text_of(page.get(address("update", project), headers=headers))


def test_a_finished_update_ends_in_the_evidence_and_the_decision(page, project, update):
    make_finished(update)
    text = text_of(page.get(address("update", project)))
    for words in (
        "70 %",
        "58 %",
        "31 won, 5 tied, 12 lost",
        ">11.3<",
        "81 %",
    ):
        assert words in text
    assert "Before &lt;b&gt;bold&lt;/b&gt;" in text
    assert "After, and better" in text
    assert 'id="release"' in text and 'id="reject"' in text


def test_a_failed_update_says_why_what_was_kept_and_what_to_do(page, project, update):
    update.claim()
    update.finish(State.FAILED, error="Reward model: The disk is full.")
    text = text_of(page.get(address("update", project)))
    assert "The disk is full." in text
    assert "Kept:" in text
    assert "Try again" in text
    press(page, address("update", project), address("retry-update", project))
    update.refresh_from_db()
    assert (update.state, update.error) == (State.QUEUED, "")


def test_the_cancel_button_cancels(page, project, update):
    text = text_of(page.post(address("cancel-update", project), follow=True))
    update.refresh_from_db()
    assert update.state == State.CANCELLED
    assert "cancelled before it began" in text


def test_cancelling_what_runs_says_that_it_stops(page, project, update):
    update.claim()
    text = text_of(page.post(address("cancel-update", project), follow=True))
    assert "The update stops as soon as" in text
    assert "Stopping as soon as" in text


def test_cancelling_what_has_ended_explains(page, project, update):
    make_finished(update)
    response = page.post(address("cancel-update", project), follow=True)
    assert 'class="notice error"' in text_of(response)


def test_a_curve_of_many_points_is_thinned(page, project, update):
    run = make_run(update, "ppo")
    lines = ({"time": 1, "step": step, "total": 5000, "metrics": {"kl": 1.0}} for step in range(5000))
    (run.folder / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = page.get(address("update-curves", project)).json()
    assert 200 < len(curves["kl"]["steps"]) <= 400
    assert curves["score"] == {"steps": [], "values": []}


# One version


def test_a_version_can_be_walked_back_to_its_data(page, project, update):
    candidate = make_finished(update)
    text = text_of(page.get(address("version", project, 1)))
    assert candidate.adapter_sha256 in text
    assert candidate.dataset.sha256 in text
    assert f"{PROMPTS} judgments" in text
    assert all(sha256 in text for run in update.runs.all() for sha256 in run.result["files"].values())
    assert reverse("version", args=[project.slug, 0]) in text


def test_the_base_version_has_a_page_too(page, project):
    text = text_of(page.get(address("version", project, 0)))
    assert "it is the base model" in text
    assert "Go back" not in text


def test_releasing_from_the_page_and_going_back(page, project, update):
    make_finished(update)
    version = address("version", project, 1)
    response = press(page, version, address("release-version", project, 1), follow=True)
    assert "Version 1 is live" in text_of(response)
    assert project.versions.live().get().number == 1
    assert "Go back to Version 0" in text_of(page.get(address("version", project, 1)))
    back = press(page, version, address("roll-back", project), follow=True)
    assert "Version 0 is live again" in text_of(back)


def test_rejecting_from_the_page(page, project):
    make_candidate(project)
    version, reject = address("version", project, 1), address("reject-version", project, 1)
    text = text_of(press(page, version, reject, follow=True))
    assert "was rejected; the live version stays" in text
    assert project.versions.get(number=1).state == ModelVersion.State.REJECTED


@pytest.mark.parametrize("name", ["release-version", "reject-version", "roll-back"])
def test_deciding_on_the_live_base_explains(page, project, name):
    live = ModelVersion.objects.get(project=project)
    facts = live_facts(project) if name == "roll-back" else version_facts(live)
    response = page.post(address(name, project), {"shown": facts_text(facts)}, follow=True)
    assert 'class="notice error"' in text_of(response)
    assert project.versions.live().get().number == 0


def test_a_version_without_its_run_directory_still_has_a_page(page, project, update):
    make_finished(update)
    (update.run_of("evaluate").folder / "output" / "comparisons.jsonl").unlink()
    assert "files are gone" in text_of(page.get(address("version", project, 1)))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        "{}",
        '{"prompt_id": []}',
        '{"prompt_id": "PK"}',
        '{"prompt_id": "PK", "baseline": 3, "candidate": null}',
        '{"prompt_id": "PK", "baseline": "\\ud800", "candidate": "\\u0000"}',
        '{"prompt_id": "\u00b2", "baseline": "a", "candidate": "b"}',
        "[" * 9000,
        "\x00",
    ],
)
def test_sample_answers_that_are_malformed_break_no_page(page, project, update, line):
    make_finished(update)
    held_out = str(project.prompts.held_out().first().pk)
    answers = update.run_of("evaluate").folder / "output" / "comparisons.jsonl"
    answers.write_text(line.replace("PK", held_out) + "\n")
    for name, argument in (("update", None), ("version", 1)):
        assert page.get(address(name, project, argument)).status_code == 200


def test_a_candidate_of_a_version_that_is_no_longer_live_comes_with_a_warning(page, project, update):
    make_finished(update)
    warning = "Version 0 is no longer live"
    assert warning not in text_of(page.get(address("version", project, 1)))
    release_version(version=make_candidate(project, 2), actor=None)
    for name, argument in (("update", None), ("version", 1)):
        assert warning in text_of(page.get(address(name, project, argument)))


# The schedule


def test_the_schedule_is_saved_and_shows_its_next_five_times(page, project):
    Project.objects.filter(pk=project.pk).update(timezone="Europe/Paris")
    response = press(page, address("schedule", project), follow=True, **SCHEDULE)
    text = text_of(response)
    stored = Schedule.objects.get(project=project)
    assert (stored.cron, stored.is_enabled) == ("0 3 * * 1", True)
    assert (stored.min_new_judgments, stored.settings, stored.update_minutes) == (30, SMALL, 20)
    assert text.count(">Monday ") == 5 + 1  # the next one is beside the page's name, too
    assert "03:00" in text
    overview = text_of(page.get(address("training", project)))
    assert re.search(r"Scheduled: Monday .* 03:00 \(Europe/Paris\)", overview)


def test_days_and_a_time_are_the_schedule_and_the_form_shows_them_again(page, project):
    times = {"cron": "", "days": ["0", "4"], "at": "22:30"}
    press(page, address("schedule", project), **SCHEDULE | times)
    assert Schedule.objects.get(project=project).cron == "30 22 * * 1,5"
    sent = filled(page, address("schedule", project))
    assert (sent["days"], sent["at"], sent["cron"]) == (["0", "4"], ["22:30"], [""])


def test_an_expression_counts_instead_of_days_and_is_shown_again(page, project):
    press(page, address("schedule", project), **SCHEDULE | {"cron": "0 3 1 * *"})
    assert Schedule.objects.get(project=project).cron == "0 3 1 * *"
    sent = filled(page, address("schedule", project))
    assert (sent.get("days", []), sent["at"], sent["cron"]) == ([], [""], ["0 3 1 * *"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cron": "61 * * * *"}, "Bad minute"),
        ({"cron": "often"}, "five fields"),
        ({"cron": "", "days": []}, "Choose at least one day"),
        ({"cron": "", "days": ["7"]}, "Select a valid choice"),
        ({"cron": "", "at": ""}, "Enter a time"),
        ({"cron": "", "at": "25:00"}, "Enter a valid time"),
        ({"cron": "0 0 30 2 *"}, "day-of-month"),
        ({"cron": "\0 * * * *"}, "Null characters"),
        ({"cron": "1" * 200}, "at most 100"),
        ({"min_new_judgments": "-1"}, "greater than or equal to 0"),
        ({"min_new_judgments": "9" * 400}, "less than or equal to"),
        ({"min_new_judgments": "many"}, "whole number"),
        ({"min_agreement": "101"}, "less than or equal to 100"),
        ({"update_minutes": "soon"}, "Write hours and minutes"),
        ({"update_minutes": "0:00"}, "needs a minute at least"),
        ({"update_minutes": "169:00"}, "may take a week at most"),
        ({"update_minutes": ""}, "required"),
        ({"ppo-steps": "NaN"}, "Enter a whole number"),
        ({"ppo-steps": "1.5"}, "Enter a whole number"),
        ({"ppo-steps": "0"}, "greater than or equal to 1"),
        ({"ppo-steps": "9" * 30}, "less than or equal to 4294967295"),
        ({"ppo-learning_rate": "0"}, "more than 0"),
        ({"ppo-learning_rate": "nan"}, "Enter a number"),
        ({"ppo-learning_rate": "1e300"}, "less than or equal to"),
        ({"ppo-gamma": "1.5"}, "less than or equal to 1"),
        ({"ppo-dtype": "float16"}, "Select a valid choice"),
        ({"ppo-reanchor": "maybe"}, "Select a valid choice"),
        ({"ppo-lora_target": "a\0b"}, "Null characters"),
        ({"ppo-lora_target": "x" * 501}, "at most 500"),
        ({"ppo-minibatches": "64"}, "minibatches must not exceed batch_size"),
        ({"reward-country": "Spain"}, "three-letter"),
        ({"evaluate-judge": "endpoint"}, "no judge endpoint"),
    ],
)
def test_a_wrong_schedule_is_explained_and_not_saved(page, project, wrong, words):
    response = page.post(address("schedule", project), {**SCHEDULE, **wrong})
    assert response.status_code == 422
    assert words in text_of(response)
    assert not Schedule.objects.exists()


def test_what_is_wrong_with_a_setting_is_said_beside_it_and_its_stage_is_open(page, project):
    response = page.post(address("schedule", project), {**SCHEDULE, "ppo-minibatches": "64"})
    html = response.content.decode()
    _before, _, ppo = html.partition('<details class="card recipe" open>')
    assert "Training (PPO)" in ppo and html.count('recipe" open') == 1
    beside = ppo.partition('for="id_ppo-minibatches"')[2].partition("<label")[0]
    assert "minibatches must not exceed" in beside


def test_stored_settings_are_in_the_form_and_empty_fields_are_chosen(page, project):
    settings = {"ppo": {"learning_rate": 0.0001, "reanchor": True}, "reward": {"soft_labels": False}}
    values = {name: SCHEDULE[name] for name in ("cron", "min_new_judgments")}
    save_schedule(
        project=project, actor=coordinator_of(project), is_enabled=True, settings=settings, **values
    )
    sent = filled(page, address("schedule", project))
    assert (sent["ppo-learning_rate"], sent["ppo-reanchor"]) == (["0.0001"], ["true"])
    assert (sent["reward-soft_labels"], sent["ppo-steps"]) == (["false"], [""])
    press(page, address("schedule", project))
    assert Schedule.objects.get(project=project).settings == settings
    press(page, address("schedule", project), **{"ppo-reanchor": "", "ppo-learning_rate": ""})
    assert Schedule.objects.get(project=project).settings == {"reward": {"soft_labels": False}}


def test_each_setting_says_what_it_is_for_what_it_may_be_and_what_is_chosen(page, idle, monkeypatch):
    unplanned = text_of(page.get(address("schedule", idle)))
    assert "Passes over one rollout. Allowed: more than 0. Left empty: 2." in unplanned
    assert "ppo.steps (iterations)" in unplanned
    store_plan(monkeypatch, idle)
    text = text_of(page.get(address("schedule", idle)))
    assert "Now: 8 (with more it would take longer than 8 h)." in text


def test_pages_say_what_the_next_update_takes_and_why(page, idle, monkeypatch):
    for name in ("training", "schedule"):
        assert "What it will take is being worked out" in text_of(page.get(address(name, idle)))
    store_plan(monkeypatch, idle)
    for name in ("training", "schedule"):
        text = text_of(page.get(address(name, idle)))
        assert "about 16 min in all (between 8 min and 32 min)" in text
        assert "1.4 GB of this machine's 14.9 GB of memory" in text
        assert "Electricity: about 16.0 Wh" in text
        assert "suits a model of 135 million parameters" in text
        assert "nearly all of the 300 answers looked at fit in it" in text
        assert "more would not fit in this machine&#x27;s memory of 14.9 GB" in text
        assert "That is more than" not in text


def test_pages_say_when_an_update_cannot_be_as_short_or_as_small_as_it_should(page, idle, monkeypatch):
    machine = made_plan()["machine"] | {"memory": 1_000_000_000}
    store_plan(monkeypatch, idle, budget=600.0, machine=machine)
    text = text_of(page.get(address("training", idle)))
    assert "That is more than the 10 min that it may take" in text
    assert "This machine has too little memory for it" in text


def test_pages_say_why_an_update_could_not_be_planned(page, idle):
    plan_next_update(idle.pk)
    assert current_plan(idle).error == "No engine here."
    text = text_of(page.get(address("training", idle)))
    assert "could not be found out" in text and "No engine here." in text


def test_an_update_says_what_was_chosen_and_what_was_set_by_hand(page, idle, monkeypatch):
    save_schedule(
        project=idle,
        actor=coordinator_of(idle),
        cron="0 3 * * 1",
        is_enabled=False,
        min_new_judgments=1,
        settings={"ppo": {"temperature": 0.8}},
    )
    store_plan(monkeypatch, idle)
    update = start_update(project=idle)
    text = text_of(page.get(address("update", idle, update.number)))
    assert "What was planned" in text
    assert re.search(r"ppo\.temperature</code> <bdi>0\.8</bdi></dt><dd>set by a coordinator", text)


def test_the_next_times_are_shown_while_typing(page, project):
    typed = {"cron": "0 12 * * *"}
    text = text_of(page.get(address("schedule", project), typed, headers=HTMX))
    assert text.count(", 12:00<") == 5
    assert "<html" not in text
    chosen = {"days": ["5", "6"], "at": "09:15"}
    text = text_of(page.get(address("schedule", project), chosen, headers=HTMX))
    assert (text.count(", 09:15<"), text.count(">Saturday ") + text.count(">Sunday ")) == (5, 5)
    wrong = page.get(address("schedule", project), {"cron": "x"}, headers=HTMX)
    assert "five fields" in text_of(wrong)
    none = page.get(address("schedule", project), {"at": "9"}, headers=HTMX)
    assert "Choose days and a time" in text_of(none)


def test_saving_keeps_what_was_passed_over_passed_over(page, project):
    before = timezone.now()
    press(page, address("schedule", project), **SCHEDULE)
    assert Schedule.objects.get(project=project).checked_at >= before


@pytest.mark.parametrize("name", ["training", "update", "version", "schedule"])
def test_pages_hold_no_inline_script_or_style(page, project, update, name):
    make_finished(update)
    html = page.get(address(name, project)).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|hx-on", html)


def test_the_next_times_say_whether_the_schedule_is_on(client):
    project = make_trainable()
    client.force_login(coordinator_of(project))
    address = reverse("schedule", args=[project.slug])
    off, on = "The next five times, if the schedule were on", "<h2>The next five times</h2>"
    assert off in client.get(address).text
    query = {"cron": "0 3 * * 1"}
    for is_enabled, shown in (({}, off), ({"is_enabled": "on"}, on)):
        answer = client.get(address, query | is_enabled, headers={"HX-Request": "true"})
        assert shown in answer.text


def test_an_update_says_how_much_preferences_from_the_chat_counted(client):
    update = make_update()
    make_finished(update)
    run = update.run_of("reward")
    run.result["metrics"]["sources"] = {
        "desk": {"weight": 1.0, "origin": "set", "pairs": 40, "accuracy": 0.8},
        "chat": {"weight": 0.35, "origin": "measured", "pairs": 12, "accuracy": 0.7},
        "chat_rewrite": {"weight": 0.5, "origin": "unknown", "pairs": 3},
    }
    run.save()
    client.force_login(coordinator_of(update.project))
    page = client.get(reverse("update", args=[update.project.slug, update.number])).text
    assert "How much preferences from the chat counted" in page
    assert "0.35" in page and "measured" in page and "cannot be measured yet" in page
