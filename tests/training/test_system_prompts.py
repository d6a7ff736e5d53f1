"""Completions keep the system prompt that they were sampled with, and datasets name that one."""

import json
from importlib import import_module

import pytest
from django.apps import apps

from annotator.models import Project
from annotator.services.projects import change_settings
from annotator.services.prompts.adding import import_prompts
from ranking.models import Dataset
from ranking.services import open_round, snapshot_preferences
from tests.factories import coordinator_of, make_project, make_prompt
from tests.training.making import PROMPTS, SAMPLE, engine_script, judge_all, make_trainable
from training.launching import launcher
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling

pytestmark = pytest.mark.django_db
OWN = [{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Why is the sea salty?"}]


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)


def set_system_prompt(project: Project, text: str) -> None:
    change_settings(project=project, values={"system_prompt": text}, actor=coordinator_of(project))


def sample(project: Project, *, meanwhile: str | None = None) -> None:
    """Sample the live version; the system prompt may change while the engine works."""
    run = sample_live_version(project=project)
    if meanwhile is not None:
        set_system_prompt(project, meanwhile)
    execute_sampling(run.pk)
    run.refresh_from_db()
    assert run.error == ""


def system_prompts_of(dataset: Dataset, name: str = "train.jsonl") -> set[str]:
    """The system prompts of a dataset's rows; `` for none."""
    rows = map(json.loads, (dataset.folder / name).read_text().splitlines())
    return {row["prompt"][0]["content"] if row["prompt"][0]["role"] == "system" else "" for row in rows}


def test_a_dataset_names_the_system_prompt_that_the_answers_were_sampled_with():
    project = make_trainable()
    set_system_prompt(project, "Be brief.")
    sample(project, meanwhile="Be long.")
    judge_all(project)
    assert system_prompts_of(snapshot_preferences(project=project)) == {"Be brief."}


def test_answers_after_another_system_prompt_are_others_and_compared_among_themselves():
    project = make_trainable()
    sample(project)
    set_system_prompt(project, "Be brief.")
    sample(project)
    live = project.versions.get().author
    assert live.completions.count() == 4 * PROMPTS
    for comparison in project.rounds.get(closed_at=None).comparisons.all():
        assert {one.system_prompt for one in comparison.completions.all()} == {"Be brief."}
    set_system_prompt(project, "")
    opened = open_round(project=project, author=live)
    assert {one.system_prompt for each in opened.comparisons.all() for one in each.completions.all()} == {""}
    judge_all(project)
    assert system_prompts_of(snapshot_preferences(project=project)) == {""}


def test_a_prompt_with_a_system_message_of_its_own_is_sampled_with_that_one():
    project = make_trainable()
    set_system_prompt(project, "Be brief.")
    prompt = make_prompt(project, OWN)
    sample(project)
    given = (project.runs.get().folder / "prompts.jsonl").read_text().splitlines()
    assert {"prompt_id": str(prompt.pk), "prompt": OWN} in map(json.loads, given)
    assert {one.system_prompt for one in prompt.completions.all()} == {""}
    judge_all(project)
    found = snapshot_preferences(project=project)
    name = f"{prompt.split}.jsonl"
    assert system_prompts_of(found, name) == {"Be brief.", "Rhyme."}


def test_the_file_of_a_dataset_can_be_imported_as_prompts_again():
    project = make_trainable()
    set_system_prompt(project, "Be brief.")
    sample(project)
    judge_all(project)
    dataset = snapshot_preferences(project=project)
    train = project.prompts.train().count()

    def import_again(into: Project) -> tuple[int, int, list]:
        with (dataset.folder / "train.jsonl").open("rb") as file:
            report = import_prompts(project=into, file=file, filename="train.jsonl", actor=None)
        return report.taken, len(report.skipped), report.errors

    assert import_again(project) == (0, train, [])
    other = make_project()
    assert import_again(other) == (train, 0, [])
    assert other.prompts.first().messages[0] == {"role": "system", "content": "Be brief."}


def test_completions_from_before_get_the_system_prompt_of_their_project():
    migration = import_module("annotator.migrations.0005_completion_system_prompts")
    project = make_trainable()
    sample(project)
    Project.objects.filter(pk=project.pk).update(system_prompt="Be brief.")
    migration.store_system_prompts(apps, None)
    author = project.versions.get().author
    assert set(author.completions.values_list("system_prompt", flat=True)) == {"Be brief."}
    sample(Project.objects.get(pk=project.pk))
    assert author.completions.count() == 2 * PROMPTS, "the same texts are known again"
