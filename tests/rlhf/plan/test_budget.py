"""The settings of a whole update, chosen by what is known of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rlhf.making import QUESTIONS, with_policy
from training.rlhf.hardware.device import Speed
from training.rlhf.plan import presets, update_recipes
from training.rlhf.plan.budget import plan_update
from training.rlhf.plan.update_facts import UpdateFacts
from training.rlhf.plan.update_recipes import UPDATE, UpdateRecipes
from training.rlhf.stages import STAGES
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe

LONG_ANSWER = "Yes, quite so. " * 3
Plan = dict[str, Any]
MakePlan = Callable[..., Plan]


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is always as fast, whatever else it does."""
    monkeypatch.setattr(update_recipes, "measure", lambda *_: Speed(1e11, 1e10, 1e-5))


@pytest.fixture
def as_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model counts as one that the defaults are not made for."""
    monkeypatch.setattr(presets, "SMALLEST", 1.0)


@pytest.fixture
def facts_file(llama: Path, tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        facts = {
            "base_model": str(llama),
            "seconds": 1e6,
            "settings": {stage: {"threads": 1} for stage in UPDATE},
            "rows": {"ppo": 20, "generate": 25, "evaluate": 5},
            "pairs": 60,
            "comparisons": 10,
            "completions_per_prompt": 2,
            "prompts": [[{"role": "user", "content": question}] for question in QUESTIONS],
            "answers": ["Yes, quite so."] * 9,
        }
        path = tmp_path / "facts.json"
        path.write_text(json.dumps(facts | changes))
        return path

    return write


@pytest.fixture
def plan(facts_file: Callable[..., Path]) -> MakePlan:
    def make(**changes: Any) -> Plan:
        file = facts_file(**changes)
        return plan_update(UpdateFacts.read(file), file.parent)

    return make


def chosen(plan: Plan, stage: str) -> dict[str, tuple[Any, str]]:
    return {name: (each["value"], each["why"]) for name, each in plan["stages"][stage]["settings"].items()}


def test_with_time_enough_the_starters_update_takes_the_defaults(plan: MakePlan) -> None:
    made = plan()
    assert all(chosen(made, stage) == {} for stage in UPDATE)
    assert made["seconds"]["total"] == pytest.approx(sum(s["seconds"] for s in made["stages"].values()))
    assert made["memory"] == max(each["memory"] for each in made["stages"].values())


def test_a_larger_model_gets_the_settings_of_its_size_and_of_its_answers(
    plan: MakePlan, as_larger: None
) -> None:
    ppo = chosen(plan(answers=[LONG_ANSWER] * 50), "ppo")
    assert ppo["learning_rate"] == (STAGES["ppo"].learning_rates[0], "size")
    assert ppo["batch_size"] == (32, "size")
    tokens, why = ppo["max_new_tokens"]
    assert (tokens % 16, why) == (0, "answers")
    assert chosen(plan(answers=[]), "ppo")["max_new_tokens"] == (presets.SIZES[0].max_new_tokens, "size")


def test_kl_stop_grows_with_the_answers_up_to_where_an_evaluation_warns(
    plan: MakePlan, as_larger: None
) -> None:
    by_hand = {stage: {"threads": 1, "max_new_tokens": 60} for stage in ("ppo", "generate", "evaluate")}
    assert chosen(plan(settings=by_hand), "ppo")["kl_stop"] == (7.5, "length")  # 6 nats for 48 tokens
    by_hand["ppo"]["max_new_tokens"] = 200
    assert chosen(plan(settings=by_hand), "ppo")["kl_stop"] == (EvaluateRecipe.watch_kl, "length")


def test_what_people_set_stands(plan: MakePlan, as_larger: None) -> None:
    by_hand = {"learning_rate": 1e-5, "steps": 3, "kl_stop": 2.0, "threads": 1}
    made = plan(settings={"ppo": by_hand, "evaluate": {"threads": 1, "samples_per_prompt": 3}}, seconds=1)
    assert not set(chosen(made, "ppo")) & set(by_hand)
    assert "samples_per_prompt" not in chosen(made, "evaluate")


def test_anchors_take_time_once_there_is_a_version_to_compare_with(
    plan: MakePlan, llama: Path, tmp_path: Path
) -> None:
    with_policy(llama).save("policy", tmp_path / "policy")
    later = {"policy_adapter": str(tmp_path / "policy")}

    def seconds(**more: Any) -> float:
        return float(plan(**more)["stages"]["evaluate"]["seconds"])

    assert seconds(anchors=5) == seconds()
    assert seconds(anchors=5, **later) > seconds(**later)


def test_less_time_means_fewer_steps_and_then_smaller_stages(plan: MakePlan) -> None:
    whole = plan()["seconds"]["total"]
    less = plan(seconds=1.2 * (whole - 1))  # a fifth is kept, so that about everything but steps fits
    steps, why = chosen(less, "ppo")["steps"]
    assert 1 <= steps < 40 and why == "time"
    least = plan(seconds=1)
    assert chosen(least, "ppo")["steps"] == (1, "time")
    assert chosen(least, "evaluate")["samples_per_prompt"] == (1, "time")
    assert chosen(least, "reward")["epochs"] == (1.0, "time")
    assert chosen(least, "ppo")["batch_size"] == (64, "time")
    assert least["seconds"]["total"] > least["budget"]  # which the page says


def test_passes_that_were_counted_before_take_what_they_would_alone(facts_file: Callable[..., Path]) -> None:
    file = facts_file()
    used, fresh = (UpdateRecipes(UpdateFacts.read(file), file.parent) for _ in range(2))
    used.count(replace(used["ppo"], steps=3))
    often = replace(used["ppo"], steps=9, epochs=4)
    assert used.count(often) == fresh.count(often)
    used.count_every_weight(often)
    more = replace(often, steps=10)
    assert used.count(more) == fresh.count(more)


def test_an_earlier_update_says_how_long_stages_really_take(plan: MakePlan) -> None:
    usual, slow = plan(), plan(pace={"reward": 3.0})
    stages = {name: plan["stages"]["reward"]["seconds"] for name, plan in (("usual", usual), ("slow", slow))}
    assert stages["slow"] == pytest.approx(3 * stages["usual"])


def test_an_update_of_a_trained_version_is_planned_with_its_adapter(
    plan: MakePlan, llama: Path, tmp_path: Path
) -> None:
    with_policy(llama).save("policy", tmp_path / "policy")
    assert plan(policy_adapter=str(tmp_path / "policy"))["memory"] > 0


def test_the_command_prints_json_and_no_warnings(facts_file: Callable[..., Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.rlhf", "plan", "--update", str(facts_file())],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)["stages"]) == set(UPDATE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"base_model": "/nowhere/model"}, "The model folder /nowhere/model does not exist"),
        ({"more": 1}, "does not describe an update by base_model, seconds"),
        ({"settings": {"ppo": {"steps": 0}}}, "steps must be greater than 0"),
    ],
)
def test_facts_that_are_wrong_are_explained(
    change: dict[str, Any],
    reason: str,
    facts_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from training.rlhf.__main__ import main

    assert main(["plan", "--update", str(facts_file(**change))]) == 1
    assert reason in capsys.readouterr().err


def test_stages_that_learn_also_say_what_they_would_take_with_every_weight(plan: MakePlan) -> None:
    stages = plan()["stages"]
    assert [stage for stage in UPDATE if "every_weight" in stages[stage]] == ["reward", "ppo"]
    for stage in ("reward", "ppo"):
        whole = stages[stage]["every_weight"]
        assert whole["seconds"] > stages[stage]["seconds"] and whole["memory"] > stages[stage]["memory"]
