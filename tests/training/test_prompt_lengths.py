"""Prompts that do not fit the model are left out, listed and shown, and keep nothing from going on."""

import json
import sys
from pathlib import Path

import pytest
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from annotator.imports.prompt_files import draft_from_record
from annotator.services.prompts.adding import add_prompts
from tests.factories import coordinator_of, make_prompt
from tests.training.making import SAMPLE, engine_script, make_finished, make_trainable, make_update
from training.launching import engine_answers, launcher
from training.models import TrainingRun
from training.services.sampling.control import sample_live_version
from training.services.sampling.prompt_lengths import measure_new_prompts
from training.services.sampling.worker import execute_sampling
from training.tasks import measure_prompts, run_sampling

pytestmark = pytest.mark.django_db
# An engine that answers all prompts but the first, which is too long.
LEAVES_ONE_OUT = SAMPLE.replace(
    "rows = [",
    """
left, prompts = prompts[0], prompts[1:]
row = {"prompt_id": left, "tokens": 700, "limit": 512}
(folder / "output" / "left_out.jsonl").write_text(json.dumps(row) + "\\n")
rows = [""",
)
# In place of `python -m training.rlhf measure BASE PROMPTS OUT`: a token a word, of a base that reads 300.
MEASURE = """#!{python}
import json, sys
prompts, out = sys.argv[-2:]
with open(out, "w") as lengths:
    for row in map(json.loads, open(prompts)):
        words = row["prompt"][-1]["content"].split()
        length = {{"prompt_id": row["prompt_id"], "tokens": len(words), "context": 300}}
        lengths.write(json.dumps(length) + "\\n")
"""


def sample(project, monkeypatch, engine):
    monkeypatch.setattr(launcher, "command", engine_script(engine))
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)
    run = sample_live_version(project=project)
    execute_sampling(run.pk)
    run.refresh_from_db()
    assert run.error == ""


def test_sampling_goes_on_without_a_prompt_that_is_too_long_and_lists_it(client, monkeypatch):
    project = make_trainable()
    sample(project, monkeypatch, LEAVES_ONE_OUT)
    first = project.prompts.first()
    left_out = project.prompts.filter(too_long=True)
    assert list(left_out.values_list("pk", "tokens", "token_limit")) == [(first.pk, 700, 512)]
    assert project.rounds.get().comparisons.count() == project.prompts.count() - 1
    client.force_login(coordinator_of(project))
    page = client.get(reverse("training", args=[project.slug])).text
    assert "1 prompt is too long for the model and is left out" in page
    assert f"{reverse('prompts', args=[project.slug])}?state=too_long" in page


def test_a_prompt_that_fits_at_last_is_asked_again(monkeypatch):
    project = make_trainable()
    sample(project, monkeypatch, LEAVES_ONE_OUT)
    sample(project, monkeypatch, SAMPLE)
    assert not project.prompts.exclude(too_long=False, token_limit=None).exists()
    assert project.prompts.first().completions.count() == 2


def test_the_page_of_an_update_lists_what_a_stage_left_out(client):
    update = make_update()
    make_finished(update)
    run = update.run_of(TrainingRun.Stage.PPO)
    prompt = update.project.prompts.train().first()
    rows = [{"prompt_id": str(prompt.pk), "tokens": 700, "limit": 512}]
    (run.folder / "output" / "left_out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.result["metrics"]["overlong_prompts"] = 1.0
    run.save()
    client.force_login(coordinator_of(update.project))
    address = reverse("update", args=[update.project.slug, update.number])
    page = client.get(address).text
    assert "1 prompt was too long and left out" in page and "700 tokens, 512 are allowed" in page
    assert reverse("prompt", args=[update.project.slug, prompt.number]) in page
    (run.folder / "output" / "left_out.jsonl").write_text("half a li")
    assert client.get(address).status_code == 200


def test_imported_prompts_are_measured_by_the_worker(
    monkeypatch, tmp_path: Path, django_capture_on_commit_callbacks
):
    project = make_trainable()
    project.prompts.update(tokens=1)
    script = tmp_path / "measure"
    script.write_text(MEASURE.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setattr(engine_answers.sys, "executable", str(script))
    queued = []
    monkeypatch.setattr(type(measure_prompts), "enqueue", lambda _job, pk: queued.append(pk))
    drafts = [draft_from_record({"prompt": text}) for text in ("Why?", "Why is it? " * 600)]
    with django_capture_on_commit_callbacks(execute=True):
        short, long = add_prompts(project=project, drafts=drafts, actor=None).prompts
    assert queued == [project.pk]
    measure_new_prompts(project.pk)
    found = project.prompts.filter(pk__in=[short.pk, long.pk])
    lengths = [(short.pk, 1, None, False), (long.pk, 1800, 252, True)]
    assert list(found.values_list("pk", "tokens", "token_limit", "too_long")) == lengths


def test_prompts_that_cannot_be_measured_stay_as_they_are(monkeypatch):
    project = make_trainable()
    monkeypatch.setattr(engine_answers.sys, "executable", "/bin/false")
    measure_new_prompts(project.pk)
    assert not project.prompts.exclude(tokens=None, too_long=False).exists()


def test_prompts_that_come_one_by_one_are_measured_by_one_job_that_gives_way(
    django_capture_on_commit_callbacks,
):
    project, other = make_trainable(), make_trainable()
    DBTaskResult.objects.all().delete()
    for asked in (project, project, other):
        with django_capture_on_commit_callbacks(execute=True):
            make_prompt(asked)
    waiting = DBTaskResult.objects.ready().filter(task_path=measure_prompts.module_path)
    assert [job.args_kwargs["args"] for job in waiting.order_by("enqueued_at")] == [
        [project.pk],
        [other.pk],
    ]
    assert measure_prompts.priority < run_sampling.priority
