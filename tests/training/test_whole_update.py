"""One update from judgments to a candidate, by real engines."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from django.conf import settings

from annotator.models import AuditEvent, Completion, Project, Split
from ranking.models.round_states import RoundState
from ranking.statistics.sampling import EXPLORED
from tests.training.making import SMALL
from training.models import ModelVersion, Schedule, TrainingRun, Update
from training.rlhf.rundir import sha256_of
from training.services.runs.scoring import CANDIDATES
from training.services.sampling.control import sample_live_version
from training.services.sampling.worker import execute_sampling
from training.services.simulation.round import measure, watch_gold
from training.services.versions.releases import release_version
from training.starter.corpus import Statement, Topic
from training.starter.gold import GoldLabels

# One worker of a parallel test run takes all of them, so that the update runs once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("update")]
State = TrainingRun.State


@pytest.fixture
def update(finished_update: Update) -> Update:
    return Update.objects.get(pk=finished_update.pk)


def test_sampling_stores_answers_and_opens_the_first_round(update: Update):
    run = update.project.runs.get(update=None)
    assert run.state == State.SUCCEEDED
    assert Completion.objects.filter(author=update.parent.author).count() > update.project.prompts.count()
    assert update.project.rounds.get(number=1).comparisons.exists()


def test_an_update_ends_with_a_candidate(update: Update):
    assert update.error == ""
    assert update.state == Update.State.SUCCEEDED
    assert update.candidate.state == ModelVersion.State.CANDIDATE
    assert update.candidate.number == 1
    assert update.candidate.parent == update.parent
    assert update.candidate.dataset == update.dataset


def test_every_stage_is_one_run_with_its_result(update: Update):
    runs = list(update.runs.order_by("pk"))
    assert [run.stage for run in runs] == ["reward", "ppo", "evaluate"]
    assert all(run.state == State.SUCCEEDED and run.attempt == 1 for run in runs)
    assert all(run.result == json.loads((run.folder / "result.json").read_text()) for run in runs)
    assert all(run.lease is None and run.finished_at for run in runs)
    assert all(run.progress["step"] == run.progress["total"] for run in runs)


def test_the_published_adapter_is_the_one_the_engine_wrote(update: Update):
    folder = update.candidate.adapter_dir
    assert folder == Path(settings.DATA_DIR) / "models" / update.project.slug / "1" / "policy"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
    ]
    assert sha256_of(folder / "adapter_model.safetensors") == update.candidate.adapter_sha256
    assert (folder.parent / "reward" / "adapter_model.safetensors").is_file()
    assert not list(folder.parents[1].glob(".*.tmp-*"))


def test_the_recipes_chain_the_adapters(update: Update):
    reward, ppo, evaluate = update.runs.order_by("pk")
    assert ppo.recipe["reward_adapter"] == evaluate.recipe["reward_adapter"] == str(reward.adapter_dir)
    assert ppo.recipe["policy_adapter"] is None
    assert evaluate.recipe["candidate_adapter"] == str(ppo.adapter_dir)
    assert evaluate.recipe["baseline_adapter"] is None
    assert reward.recipe["max_steps"] == 4


def test_ppo_learns_from_train_prompts_and_is_judged_on_held_out_ones(update: Update):
    def asked(stage: str) -> set[str]:
        lines = (update.run_of(stage).folder / "prompts.jsonl").read_text().splitlines()
        return {json.loads(line)["prompt_id"] for line in lines}

    train = {str(pk) for pk in update.project.prompts.train().values_list("pk", flat=True)}
    held_out = {str(pk) for pk in update.project.prompts.held_out().values_list("pk", flat=True)}
    assert asked("ppo") == train
    assert asked("evaluate") == held_out


def test_the_evaluation_and_the_figures_are_stored(update: Update):
    evaluation = update.candidate.evaluations.get()
    held_out = update.project.prompts.held_out().count()
    assert evaluation.baseline == update.parent
    assert evaluation.wins + evaluation.ties + evaluation.losses == 2 * held_out
    metrics = update.candidate.metrics
    assert set(metrics["seconds"]) == {"reward", "ppo", "evaluate"}
    assert 0 <= metrics["win_rate_low"] <= metrics["win_rate"] <= metrics["win_rate_high"] <= 1
    assert isinstance(metrics["kl"], float)


def test_the_acts_are_on_record(update: Update):
    verbs = set(AuditEvent.objects.filter(project=update.project).values_list("verb", flat=True))
    assert {
        "version.registered",
        "sampling.started",
        "round.opened",
        "update.started",
        "version.created",
    } <= verbs


@pytest.mark.usefixtures("forked_engines")
def test_after_a_release_the_new_version_answers_every_prompt_and_the_next_round_opens(update: Update):
    first = update.project.rounds.get()
    assert first.state == RoundState.GATING
    Schedule.objects.create(project=update.project, settings=SMALL)
    release_version(version=update.candidate, actor=update.started_by)
    update.parent.refresh_from_db()
    assert update.candidate.state == ModelVersion.State.LIVE
    assert update.parent.state == ModelVersion.State.RETIRED
    run = update.project.runs.get(update=None, state=State.QUEUED)
    execute_sampling(run.pk)
    run.refresh_from_db()
    first.refresh_from_db()
    opened = update.project.rounds.open().get()
    asked = {
        json.loads(line)["prompt_id"] for line in (run.folder / "prompts.jsonl").read_text().splitlines()
    }
    assert asked == {str(prompt.pk) for prompt in update.project.prompts.all()}
    assert run.recipe["policy_adapter"] == str(update.candidate.adapter_dir)
    assert (run.round, opened.number, opened.state) == (opened, 2, RoundState.OPEN)
    assert (first.state, first.is_open) == (RoundState.RELEASED, False)
    authors = set(opened.comparisons.values_list("completions__author", flat=True))
    assert authors == {update.candidate.author_id}


@pytest.mark.usefixtures("forked_engines")
def test_a_project_with_a_rule_has_its_answers_scored_by_what_it_learned_last(update: Update):
    Project.objects.filter(pk=update.project_id).update(sampling=Project.Sampling.LARGE_GAP)
    update.project.refresh_from_db()
    Schedule.objects.create(project=update.project, settings=SMALL)
    run = sample_live_version(project=update.project)
    execute_sampling(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (State.SUCCEEDED, "")
    assert run.recipe["reward_adapter"] == str(update.run_of("reward").adapter_dir)
    opened = update.project.rounds.open().get()
    chosen = opened.comparisons.filter(prompt__split=Split.TRAIN)
    by_rule = [one for one in chosen if one.selection_probability > 1 - EXPLORED]
    assert run.recipe["completions_per_prompt"] == 2 * CANDIDATES and by_rule
    assert {one.items.count() for one in opened.comparisons.all()} == {2}


def test_the_figures_of_a_round_are_those_of_its_runs_and_of_the_gold_labels(update: Update):
    questions = [prompt.question for prompt in update.project.prompts.all()]
    good, bad = Statement(text="Yes.", source="a book"), Statement(text="Not at all.", kind="myth")
    things = Topic(
        topic="things", language="en", questions=tuple(questions), accurate=(good,), inaccurate=(bad,)
    )
    figures = measure(update, GoldLabels([things]), judgments=3, seconds={"rank": 1.0})
    pairs = update.candidate.evaluations.get()
    assert figures.wins + figures.ties + figures.losses == pairs.wins + pairs.ties + pairs.losses
    assert figures.accurate_before == figures.accurate_after == 0  # an untrained model says nothing true
    assert figures.win_rate_decided == 0.5
    assert figures.score_gain == pairs.metrics["score_gain"]
    assert watch_gold(update, figures) == pairs.metrics["watches"]
    assert figures.pairs == update.dataset.pairs
    assert set(figures.seconds) == {"rank", "reward", "ppo", "evaluate"}
    assert {sample["prompt"] for sample in figures.samples} <= set(questions)
    json.dumps(asdict(figures))
