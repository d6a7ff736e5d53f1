"""Recipes say what is wrong with them, and survive the way through JSON."""

import json
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest

from training.rlhf.errors import RecipeError
from training.rlhf.stages import STAGES, parse_recipe
from training.rlhf.stages.ppo.recipe import PPORecipe

GOOD: dict[str, Any] = {
    "stage": "ppo",
    "base_model": "folder",
    "dataset": {"path": "prompts.jsonl", "sha256": "0" * 64},
    "reward_adapter": "reward",
}


def test_a_recipe_is_the_same_after_json() -> None:
    recipe = parse_recipe(json.dumps(GOOD | {"steps": 7, "learning_rate": 1}))
    assert isinstance(recipe, PPORecipe)
    assert recipe.steps == 7
    assert parse_recipe(recipe.to_json()) == recipe


@pytest.mark.parametrize("stage", STAGES)
def test_every_setting_gives_its_reason(stage: str) -> None:
    settings = fields(STAGES[stage].recipe)
    assert all(each.metadata["help"] for each in settings)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"stage": "dpo"}, "names no known stage: 'dpo'; there are sft, reward"),
        ({"stage": ["ppo"]}, "names no known stage"),
        ({"stepz": 1}, r"unknown settings: stepz \(did you mean steps\?\)"),
        ({"steps": {"path": "p", "sha256": "0" * 64}}, "steps must be a whole number"),
        ({"steps": "7"}, "steps must be a whole number"),
        ({"steps": True}, "steps must be a whole number"),
        ({"steps": 10**400}, "steps must be a whole number"),
        ({"batch_size": 2**40}, r"batch_size must be a whole number below 2\^32"),
        ({"temperature": 1e-45}, "temperature must be 0.01 or more"),
        ({"steps": 0}, "steps must be greater than 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"learning_rate": None}, "learning_rate must be a finite number"),
        ({"base_model": "a\0b"}, "base_model must be text"),
        ({"base_model": "\ud800"}, "base_model must be text"),
        ({"base_model": ""}, "base_model must name"),
        ({"dtype": "float16"}, "dtype must be float32 or bfloat16"),
        ({"gamma": 1.5}, "gamma must lie between 0 and 1"),
        ({"top_p": 2}, "top_p must not exceed 1"),
        ({"uncertainty_penalty": -1}, "uncertainty_penalty must not be negative"),
        ({"minibatches": 1000}, "minibatches must not exceed batch_size"),
        ({"kl_target": 6.0, "kl_horizon": 100}, "kl_horizon must not be less than batch_size"),
        ({"country": "Germany"}, "three-letter"),
        ({"processor_watts": 0}, "processor_watts must lie between 1 and 10000"),
        ({"processor_watts": "65"}, "processor_watts must be a finite number or null"),
        ({"dataset": "prompts.jsonl"}, "dataset must be a file"),
        ({"dataset": {"path": "p"}}, "an object with path and sha256"),
        ({"dataset": {"path": "p", "sha256": "abc"}}, "64 lower-case"),
        ({"policy_adapter": 3}, "policy_adapter must be text or null"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        parse_recipe(json.dumps(GOOD | change))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"judge": "endpoint"}, "judge_url must name the endpoint"),
        ({"judge": "endpoint", "judge_url": "http://j/v1"}, "judge_model must name a model"),
        ({"judge": "people"}, "judge must be reward or endpoint"),
        ({"judge_url": "file:///etc/passwd"}, "judge_url must be an http or https address"),
        ({"judge_url": "http://[::1/v1"}, "judge_url is not a valid address"),
        ({"judge_url": "https://user:key@judge.example/v1"}, "judge_url must hold no password"),
        ({"judge_url": "https://judge.example/v1?key=k"}, "judge_url must hold no password"),
        ({"judge_parallel": 1000}, "judge_parallel must not exceed"),
        ({"watch_length": 0.5}, "watch_length must be 1 or more"),
        ({"watch_unsafe": 2}, "watch_unsafe must lie between 0 and 1"),
        ({"flagged": "flags.jsonl"}, "flagged must be a file with path and sha256 or null"),
    ],
)
def test_a_wrong_setting_of_an_evaluation_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        parse_recipe(json.dumps(GOOD | {"stage": "evaluate"} | change))


def test_lora_ranks_are_checked_in_every_stage_that_trains() -> None:
    for stage, least in (("sft", 0), ("reward", 1), ("ppo", 1)):
        values = {key: value for key, value in GOOD.items() if stage == "ppo" or key != "reward_adapter"}
        parse_recipe(json.dumps(values | {"stage": stage, "lora_r": least}))
        with pytest.raises(RecipeError, match=f"lora_r must lie between {least} and 1024"):
            parse_recipe(json.dumps(values | {"stage": stage, "lora_r": least - 1}))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ensemble_size": 5}, "ensemble_size must lie between 1 and 4"),
        ({"ensemble_size": 0}, "ensemble_size must lie between 1 and 4"),
        ({"label_smoothing": 1.5}, "label_smoothing must lie between 0 and 1"),
    ],
)
def test_a_wrong_setting_of_the_reward_stage_is_named(change: dict[str, Any], complaint: str) -> None:
    values = {key: value for key, value in GOOD.items() if key != "reward_adapter"}
    with pytest.raises(RecipeError, match=complaint):
        parse_recipe(json.dumps(values | {"stage": "reward"} | change))


def test_all_weights_are_trained_in_float32_only() -> None:
    values = {key: value for key, value in GOOD.items() if key != "reward_adapter"}
    parse_recipe(json.dumps(values | {"stage": "sft", "lora_r": 4, "dtype": "bfloat16"}))
    with pytest.raises(RecipeError, match="dtype must be float32"):
        parse_recipe(json.dumps(values | {"stage": "sft", "dtype": "bfloat16"}))


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 100_000, '"ppo"', "{}"])
def test_text_that_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(RecipeError):
        parse_recipe(text)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(RecipeError, match="lacks required settings: reward_adapter"):
        parse_recipe(json.dumps({key: value for key, value in GOOD.items() if key != "reward_adapter"}))


def test_stages_and_run_directories_need_no_torch() -> None:
    code = "import sys, training.rlhf.stages, training.rlhf.rundir; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
