"""Answers of a policy in training, beside those of the version that it started from."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Prompt
from annotator.services.prompts.withdrawing import withdraw_prompts
from tests.factories import coordinator_of, make_prompt
from tests.training.making import make_judged, make_run, make_update
from training.launching.progress import read_samples
from training.models import TrainingRun, Update
from training.views.updates.samples import last_sampled, samples_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> TrainingRun:
    update = make_update(make_judged())
    update.claim()
    return make_run(update, "ppo")


def update_of(run: TrainingRun) -> Update:
    assert run.update is not None
    return run.update


def write(run: TrainingRun, *rows: dict[str, Any] | str) -> None:
    """Append lines to what PPO keeps of its rollouts."""
    path = run.folder / "output" / "samples.jsonl"
    path.parent.mkdir(exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def row(prompt: Prompt, step: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "step": step,
        "prompt_id": str(prompt.pk),
        "text": "New.",
        "score": 0.5,
        "finished": True,
    } | values


def page(client: Client, run: TrainingRun, query: str = "", **headers: str) -> str:
    update = update_of(run)
    client.force_login(coordinator_of(update.project))
    return client.get(reverse("update", args=[update.project.slug, update.number]) + query, **headers).text


def test_the_old_versions_answer_to_the_same_prompt_stands_beside_each(run):
    prompt = run.project.prompts.first()
    write(run, row(prompt), row(prompt, step=5, text="Newer."))
    newest, first = samples_of(update_of(run))
    assert (newest.step, first.step) == (5, 0)
    (sample,) = newest.samples
    assert (sample.prompt, sample.before, sample.now) == (prompt, "Yes.", "Newer.")


def test_a_prompt_that_the_old_version_never_answered_says_so(client, run):
    write(run, row(make_prompt(run.project, "Never asked?")))
    assert "No answer of it is kept" in page(client, run)


def test_hostile_text_is_shown_as_text(client, run):
    write(run, row(run.project.prompts.first(), text="<img src=x onerror=alert(1)>\0\ud800"))
    text = page(client, run)
    assert "<img src=x" not in text and "&lt;img src=x" in text and "\0" not in text


def test_lines_that_are_torn_or_something_else_are_left_out(run):
    prompt = run.project.prompts.first()
    good = row(prompt)
    write(run, "[" * 100_000, "null", "3", json.dumps(good)[:-9])
    write(run, good | {"score": float("nan")}, good | {"text": 3}, good | {"prompt_id": 7})
    write(run, good | {"step": -1}, good | {"step": 1e300}, {"step": 0}, good)
    (sample,) = read_samples(run.folder)
    assert sample.text == "New."


def test_prompts_that_are_gone_withdrawn_or_of_another_project_are_left_out(run):
    withdrawn = run.project.prompts.first()
    withdraw_prompts(project=run.project, prompt_ids=[withdrawn.pk], actor=None)
    write(run, row(withdrawn))
    theirs = make_judged().prompts.first()
    for named in ("0", "9" * 30, "²", "x", "-1", str(theirs.pk)):
        write(run, row(theirs, prompt_id=named))
    assert samples_of(update_of(run)) == []


def test_a_poll_brings_the_answers_only_when_there_are_new_ones(client, run):
    prompt = run.project.prompts.first()
    write(run, row(prompt))
    htmx = {"HTTP_HX_REQUEST": "true"}
    assert 'id="samples"' in page(client, run)
    assert 'id="samples"' not in page(client, run, "?sampled=0", **htmx)
    write(run, row(prompt, step=5))
    assert 'id="samples"' in page(client, run, "?sampled=0", **htmx)
    assert last_sampled(update_of(run)) == "5"


def test_before_training_begins_the_page_says_when_answers_come(client):
    update = make_update(make_judged())
    client.force_login(coordinator_of(update.project))
    text = client.get(reverse("update", args=[update.project.slug, update.number])).text
    assert "the first ones come when training begins" in text


def test_an_update_that_has_ended_keeps_its_answers_behind_a_fold(client, run):
    write(run, row(run.project.prompts.first()))
    update_of(run).finish(Update.State.FAILED, error="It failed.")
    assert "Answers while it learned" in page(client, run)
