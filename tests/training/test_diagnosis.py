"""Which curves left their band, what the page says of it, and what it leaves unsaid."""

import json
import math
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.factories import coordinator_of
from tests.training.making import make_finished, make_judged, make_run, make_update, write_progress
from training.diagnosis import Finding, Report, diagnose
from training.diagnosis_sentences import explain_finding
from training.models import TrainingRun, Update
from training.recipe_fields import settings_of_stage

# As the demonstration's update has them.
GOOD = {
    "kl": [0.1, 0.6, 1.7, 2.2, 3.0, 3.2, 4.1, 4.3, 4.4, 4.1],
    "entropy": [1.14, 1.07, 1.11, 1.03, 1.08, 0.92, 0.93, 0.96, 0.88, 0.87],
    "explained_variance": [-0.23, -0.02, -0.23, -0.57, -0.58, 0.09, 0.18, 0.0, -0.31, -0.09],
    "eos_rate": [0.53, 0.69, 0.94, 0.94, 0.91, 0.94, 0.97, 0.97, 1.0, 1.0],
    "normalised_score": [-1.1, -0.6, 0.3, 0.4, 0.2, 0.4, 0.4, 0.5, 0.8, 0.7],
}


def report(stage: str, curves: dict[str, list[float]], **facts: Any) -> Report:
    rows = [dict(zip(curves, row, strict=True)) for row in zip(*curves.values(), strict=True)]
    lines = [{"step": step, "metrics": row} for step, row in enumerate(rows, start=1)]
    recipe = {"kl_stop": 6.0} if stage == "ppo" else {}
    return Report(stage, lines, **{"recipe": recipe, "metrics": {}, **facts})


def ppo(**curves: list[float]) -> list[Finding]:
    return diagnose(report("ppo", GOOD | curves))


def names(findings: list[Finding]) -> list[str]:
    return [finding.name for finding in findings]


def test_a_training_that_goes_well_has_no_finding():
    assert ppo() == []
    accuracy = {"accuracy": [0.56, 0.53, 0.68, 0.66, 0.72, 0.75, 0.76], "grad_norm": [4.3] * 7}
    measured = {"accuracy": 0.7, "accuracy_low": 0.62}
    assert diagnose(report("reward", accuracy, metrics=measured)) == []


def test_a_run_that_ended_at_its_greatest_distance_says_so_also_without_the_line_beyond():
    stopped = report("ppo", GOOD, metrics={"stopped_by_kl": 1.0})
    assert diagnose(stopped) == [Finding("ppo", "kl", 4.4, 6.0, 10)]
    assert names(ppo(kl=[*GOOD["kl"][:-1], 6.1])) == ["kl"]


@pytest.mark.parametrize(
    ("name", "values", "value", "step"),
    [
        ("entropy", [1.0, 0.9, 0.2, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1], 0.1, 5),
        ("explained_variance", [0, 0, 0, -2, -3, -3, -9, -3, -3, -3], -3, 4),
        ("cut_off", [0.0] * 10, 0.0, 1),
        ("score", [0.5] * 5 + [0.2, 0.1, -0.2, -0.3, -0.4], 0.7, 8),
    ],
)
def test_a_curve_that_left_its_band_is_named_with_the_step_from_which_on(name, values, value, step):
    metric = {"cut_off": "eos_rate", "score": "normalised_score"}.get(name, name)
    (finding,) = ppo(**{metric: [float(each) for each in values]})
    assert (finding.name, finding.step) == (name, step)
    assert finding.value == pytest.approx(value)


@pytest.mark.parametrize(
    "curves",
    [
        {"entropy": [1.0, 0.9, 0.9, 0.9, 0.9, 0.8, 0.9, 0.9, 0.9, 0.1]},
        {"explained_variance": [0.0] * 9 + [-50.0]},
        {"eos_rate": [0.5] * 7 + [0.0, 0.0, 0.5]},
    ],
)
def test_one_odd_step_is_chance(curves):
    assert ppo(**curves) == []


def test_too_few_steps_say_nothing():
    few = {name: values[:4] for name, values in GOOD.items()} | {"eos_rate": [0.0] * 4}
    assert diagnose(report("ppo", few)) == []
    assert diagnose(report("ppo", {})) == []


def test_a_reward_model_is_guessing_where_its_interval_holds_one_half():
    measured = {"accuracy": 0.55, "accuracy_low": 0.48}
    assert diagnose(report("reward", {}, metrics=measured)) == [Finding("reward", "guessing", 0.55, 0.5)]


def test_without_held_out_pairs_the_accuracy_in_training_counts():
    curve = {"accuracy": [0.5, 0.52, 0.5, 0.49, 0.51, 0.5]}
    assert names(diagnose(report("reward", curve))) == ["not_learning"]
    assert diagnose(report("reward", curve, metrics={"accuracy": 0.7, "accuracy_low": 0.6})) == []


def test_gradients_that_are_mostly_cut_are_named():
    assert names(diagnose(report("reward", {"grad_norm": [30.0] * 6}))) == ["grad_norm"]


@pytest.mark.parametrize("stage", ["reward", "ppo"])
def test_numbers_that_ran_away_are_known_by_the_kind_of_error(stage):
    assert diagnose(report(stage, {}, error_kind="diverged")) == [Finding(stage, "diverged")]
    assert diagnose(report(stage, {}, error_kind="memory")) == []


def test_stages_without_curves_and_results_of_an_odd_kind_have_no_finding():
    assert diagnose(report("evaluate", GOOD, error_kind="diverged")) == []
    odd = {"accuracy_low": "?", "stopped_by_kl": None, "accuracy": []}
    assert diagnose(report("reward", {}, metrics=odd)) == []
    assert diagnose(report("ppo", GOOD, metrics=odd, recipe={"kl_stop": "x"})) == []


FINDINGS = ("diverged", "kl", "score", "entropy", "cut_off", "explained_variance", "guessing", "not_learning")


@pytest.mark.parametrize("name", [*FINDINGS, "grad_norm"])
@pytest.mark.parametrize("language", ["en", "es", "fr", "ar"])
def test_each_finding_is_explained_in_each_language(name, language):
    with translation.override(language):
        explained = explain_finding(Finding("ppo", name, 0.25, 1.0, 3))
    assert all((explained.seen, explained.causes, explained.change))
    assert "%(" not in explained.seen + explained.change


@pytest.mark.parametrize("name", [*FINDINGS, "grad_norm"])
@pytest.mark.parametrize("stage", ["reward", "ppo"])
def test_what_is_to_be_changed_is_a_setting_that_there_is(name, stage):
    explained = explain_finding(Finding(stage, name, 0.25, 1.0, 3))
    for of_stage, setting in re.findall(r"\b(reward|ppo)\.(\w+)", explained.seen + explained.change):
        assert setting in {each.name for each in settings_of_stage(of_stage)}


# On the page


@pytest.fixture
def run(db: None) -> TrainingRun:
    update = make_update(make_judged())
    update.claim()
    return make_run(update, "ppo")


def page(client: Client, update: Update) -> str:
    client.force_login(coordinator_of(update.project))
    return client.get(reverse("update", args=[update.project.slug, update.number])).text


def fail(run: TrainingRun) -> Update:
    assert run.update is not None
    TrainingRun.objects.filter(pk=run.pk).update(state=TrainingRun.State.FAILED)
    run.update.finish(Update.State.FAILED, error="The loss is no longer a number.")
    return run.update


def test_a_failed_training_says_what_the_curves_say_and_what_to_change(client, run):
    write_progress(run, [{"eos_rate": 0.0} for _ in range(6)])
    (run.folder / "error.json").write_text(json.dumps({"reason": "", "kind": "diverged"}))
    text = page(client, fail(run))
    assert "What the curves say" in text and "Lower ppo.learning_rate" in text
    assert "Raise ppo.max_new_tokens" in text and "From step 1 on." in text


def test_a_failed_training_whose_files_are_gone_or_broken_shows_what_happened(client, run):
    (run.folder / "error.json").write_text("[" * 100_000)
    (run.folder / "progress.jsonl").write_text("{" * 100_000)
    text = page(client, fail(run))
    assert "The loss is no longer a number." in text and "What the curves say" not in text


@pytest.mark.django_db
def test_an_update_that_succeeded_gives_a_hint_and_no_alarm(client):
    update = make_update(make_judged())
    make_finished(update)
    ppo_run = update.run_of("ppo")
    assert ppo_run is not None
    write_progress(ppo_run, [{"explained_variance": -5.0} for _ in range(6)])
    text = page(client, update)
    assert "A hint: 1 curve left its usual band" in text and "What the curves say" not in text


def test_nothing_is_said_of_an_update_under_way(client, run):
    write_progress(run, [{"eos_rate": 0.0, "kl": math.pi} for _ in range(6)])
    assert run.update is not None
    assert "left its usual band" not in page(client, run.update)
