"""A starter's demonstration is prepared once, however often interrupted; the loop's report is whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from annotator.models import Project
from tests.corpora import QUESTIONS, make_corpus
from tests.training.making import SAMPLE, SMALL, engine_script
from training.launching import launcher
from training.models import TrainingRun
from training.services.runs import alone
from training.services.simulation import demo_project
from training.services.simulation import round as simulated_round

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("update")]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus.jsonl")


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch, tiny_base: Path) -> list[Path]:
    """Starters are taken from the shelf instead of being trained; gives where they were wanted."""
    wanted: list[Path] = []

    def take(_topics: object, folder: Path, **_options: object) -> Path:
        wanted.append(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.is_symlink() or folder.symlink_to(tiny_base)
        return folder

    monkeypatch.setattr(demo_project, "make_starter", take)
    monkeypatch.setattr(demo_project, "check_base_model", lambda _location: None)
    return wanted


def prepare(corpus: Path) -> None:
    call_command("prepare_demo", model="starter", corpus=corpus, slug="demo", name="Demo")


def interrupt(*_args: Any, **_kwargs: Any) -> None:
    raise KeyboardInterrupt


def test_preparing_twice_makes_one_project_with_one_round(corpus, starter, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))
    prepare(corpus)
    prepare(corpus)
    project = Project.objects.get(slug="demo")
    assert (project.rounds.count(), project.runs.count(), project.prompts.count()) == (1, 1, QUESTIONS)
    assert capsys.readouterr().out.count("http://") == 4, "the address and a new link each time"


def test_the_demonstration_moves_with_the_data_folder(corpus, starter, monkeypatch):
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))
    prepare(corpus)
    assert starter == [Path(settings.DATA_DIR) / "starters" / "demo"]
    assert Project.objects.get(slug="demo").base_model == "starters/demo"


@pytest.mark.parametrize("act", ["create_project", "import_prompts", "register_base_version"])
def test_preparing_that_was_interrupted_while_founding_begins_anew(corpus, starter, monkeypatch, act):
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))
    with monkeypatch.context() as interrupted:
        interrupted.setattr(demo_project, act, interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus)
    assert not Project.objects.exists()
    prepare(corpus)
    assert Project.objects.get().rounds.get().comparisons.count() == QUESTIONS


def test_preparing_that_was_interrupted_while_sampling_goes_on_at_once(corpus, starter, monkeypatch):
    monkeypatch.setattr(launcher, "command", engine_script(SAMPLE))
    with monkeypatch.context() as interrupted:
        interrupted.setattr(alone, "run_engine", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus)
    prepare(corpus)
    assert TrainingRun.objects.get().state == TrainingRun.State.SUCCEEDED


def test_what_a_service_refuses_is_told_in_words(corpus, starter, monkeypatch):
    monkeypatch.setattr(launcher, "command", engine_script("raise SystemExit(1)"))
    with pytest.raises(CommandError, match="gave no reason"):
        prepare(corpus)
    Project.objects.get().prompts.all().delete()
    with pytest.raises(CommandError, match="no prompts yet"):
        prepare(corpus)


@pytest.mark.usefixtures("forked_engines")
def test_the_loop_reports_each_round_in_the_agreed_words(corpus, starter, monkeypatch, tmp_path, capsys):
    recipes = simulated_round._recipes

    def small(project: Project, rankings: int, seed: int) -> dict[str, dict[str, Any]]:
        wanted = recipes(project, rankings, seed)
        return {stage: {**wanted[stage], **SMALL[stage]} for stage in wanted}

    monkeypatch.setattr(simulated_round, "_recipes", small)
    out = tmp_path / "figures" / "loop.json"
    call_command("run_loop", corpus=corpus, starters=tmp_path / "starters", out=out, rankings=QUESTIONS)
    report = json.loads(out.read_text())
    assert set(report) == {"rounds", "total_seconds"}
    assert set(report["rounds"][0]) >= {
        "judgments",
        "pairs",
        "reward_accuracy",
        "reward_accuracy_gold",
        "kl",
        "wins",
        "ties",
        "losses",
        "win_rate_decided",
        "win_rate_interval",
        "accurate_before",
        "accurate_after",
        "seconds",
        "energy_kwh",
    }
    assert set(report["rounds"][0]["seconds"]) == {"sample", "rank", "reward", "ppo", "evaluate"}
    assert report["rounds"][0]["judgments"] == QUESTIONS
    assert "win rate of the decided" in capsys.readouterr().out
