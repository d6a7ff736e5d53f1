"""PPO: it learns what the reward wants, moves nothing else, and resumes to the bit."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.rlhf.making import BAD, GOOD, QUESTIONS, conversation, make_reward
from training.rlhf import chat, ppo
from training.rlhf.adapters import SharedBase, lora_config, read_adapter
from training.rlhf.errors import Cancelled, DataError, ModelError, TrainingDiverged
from training.rlhf.loading import load_base, load_tokenizer
from training.rlhf.recipes import PPORecipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.sampling import Sampling, sample

Make = Callable[..., Path]


def open_run(folder: Path) -> tuple[RunDirectory, PPORecipe]:
    directory = RunDirectory(folder)
    directory.open()
    recipe = directory.recipe()
    assert isinstance(recipe, PPORecipe)
    return directory, recipe


def train(folder: Path) -> dict[str, float]:
    return ppo.run(*open_run(folder))


def progress(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def adapter_bytes(folder: Path) -> bytes:
    return (folder / "output" / "adapter_model.safetensors").read_bytes()


def test_a_bandit_with_a_known_best_answer_is_solved(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = {"steps": 40, "batch_size": 32, "learning_rate": 2e-3, "kl_coef": 0.1}
    folder = make_run(ppo_settings | settings)
    train(folder)
    before, after = answers_of(llama, None), answers_of(llama, folder / "output")
    assert before[GOOD] < 0.6 and before[BAD] > 0.35
    assert after[GOOD] > 0.7 and after[BAD] < 0.05
    lines = progress(folder)
    assert lines[-1]["metrics"]["kl"] > 0.3 and lines[0]["metrics"]["kl"] == pytest.approx(0, abs=1e-3)


def answers_of(base_model: Path, adapter: Path | None) -> Counter[str]:
    """How often a version gives each answer, as shares."""
    base, tokenizer = SharedBase(load_base(str(base_model), "float32")), load_tokenizer(str(base_model))
    if adapter is not None:
        base.load("policy", adapter)
    prompts = [
        chat.encode_prompt(tokenizer, conversation(question, GOOD)[:1], longest=99) for question in QUESTIONS
    ]
    how = Sampling(12, 1.0, 1.0, tokenizer.eos_token_id, tokenizer.pad_token_id)
    with base.use("policy" if adapter else None) as model:
        answers = sample(model, prompts * 25, how, seed=7)
    counts = Counter(chat.decode(tokenizer, answer.tokens) for answer in answers)
    return Counter({text: count / len(answers) for text, count in counts.items()})


def test_a_high_kl_price_holds_the_policy_at_its_reference(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    kl = {}
    for price in (0.0, 3.0):
        settings = {"steps": 25, "batch_size": 32, "learning_rate": 2e-3, "kl_coef": price}
        folder = make_run(ppo_settings | settings, f"price-{price}")
        train(folder)
        kl[price] = sum(line["metrics"]["kl"] for line in progress(folder)[-5:]) / 5
    assert kl[3.0] < 0.4 * kl[0.0]


def test_policy_and_value_head_move_and_all_else_stays(ppo_settings: dict[str, Any], make_run: Make) -> None:
    run = ppo.PPO(*open_run(make_run(ppo_settings)))
    before = {name: value.clone() for name, value in run.base.model.state_dict().items()}
    value_before, score_before = (
        run.learner.value_head.linear.weight.clone(),
        run.score_head.linear.weight.clone(),
    )
    run.train()
    moved = {
        name for name, value in run.base.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {name for name in before if ".policy." in name}
    assert not torch.equal(run.learner.value_head.linear.weight, value_before)
    assert torch.equal(run.score_head.linear.weight, score_before)


def test_a_loaded_policy_starts_where_it_was_and_is_its_own_reference(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    first = make_run(ppo_settings | {"learning_rate": 1e-2}, "first")
    train(first)
    second = make_run(ppo_settings | {"policy_adapter": str(first / "output")}, "second")
    run = ppo.PPO(*open_run(second))
    _, weights = read_adapter(first / "output")
    assert all(torch.equal(value, weights[key]) for key, value in run.base.weights("policy").items())
    reference = run.base.weights("reference")
    run.train()
    assert all(torch.equal(value, reference[key]) for key, value in run.base.weights("reference").items())
    assert abs(progress(second)[0]["metrics"]["kl"]) < 1e-3


def test_a_run_killed_and_resumed_ends_with_the_same_bytes(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    whole = make_run(ppo_settings, "whole")
    train(whole)
    again = make_run(ppo_settings, "again")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "progress", stop_after(3))
        with pytest.raises(KeyboardInterrupt):
            train(again)
    latest = RunDirectory(again).latest_checkpoint()
    assert latest is not None and latest[0] == 2
    train(again)
    assert adapter_bytes(again) == adapter_bytes(whole)
    assert (again / "output" / "samples.jsonl").read_bytes() == (
        whole / "output" / "samples.jsonl"
    ).read_bytes()


def stop_after(last: int) -> Callable[..., None]:
    def progress(_self: RunDirectory, step: int, _total: int, **_metrics: float) -> None:
        if step == last:
            raise KeyboardInterrupt

    return progress


def test_a_cancelled_run_leaves_a_checkpoint_and_goes_on_from_it(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    whole = make_run(ppo_settings, "whole")
    train(whole)
    folder = make_run(ppo_settings, "cancelled")
    (folder / "cancel").touch()
    with pytest.raises(Cancelled):
        train(folder)
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000000"]
    (folder / "cancel").unlink()
    train(folder)
    assert adapter_bytes(folder) == adapter_bytes(whole)


def test_checkpoints_hold_no_pickle(ppo_settings: dict[str, Any], make_run: Make) -> None:
    folder = make_run(ppo_settings)
    train(folder)
    files = {path.name for path in (folder / "checkpoints").rglob("*") if path.is_file()}
    assert files == {"state.safetensors", "progress.json"}


def test_the_kl_stop_ends_the_run_with_a_policy_within_bounds(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = {"steps": 30, "learning_rate": 2e-2, "kl_stop": 1.0, "kl_coef": 0.0, "kl_epoch_stop": 1e9}
    folder = make_run(ppo_settings | settings)
    metrics = train(folder)
    assert metrics["stopped_by_kl"] == 1.0 and metrics["kl"] > 1.0
    assert metrics["steps"] < 30
    last = progress(folder)[-1]
    assert last["metrics"]["kl"] <= 1.0
    check = make_run(ppo_settings | {"policy_adapter": str(folder / "output")}, "check")
    assert ppo.PPO(*open_run(check)).base.weights("policy")


def test_passes_over_a_rollout_end_early_when_the_policy_moved_far(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = {"epochs": 8, "learning_rate": 2e-2, "kl_epoch_stop": 1e-3, "kl_stop": 1e9}
    assert train(make_run(ppo_settings | settings))["optimiser_steps"] < 16


def test_an_answer_without_end_is_penalised(ppo_settings: dict[str, Any], make_run: Make) -> None:
    plain = train(make_run(ppo_settings | {"steps": 1, "max_new_tokens": 2}, "plain"))
    none = train(
        make_run(ppo_settings | {"steps": 1, "max_new_tokens": 2, "missing_eos_penalty": 0.0}, "none")
    )
    assert plain["eos_rate"] == none["eos_rate"] < 0.5
    expected = none["normalised_score"] - 2.0 * (1 - none["eos_rate"])
    assert plain["normalised_score"] == pytest.approx(expected, abs=1e-5)


def test_scores_are_normalised_on_the_reference(ppo_settings: dict[str, Any], make_run: Make) -> None:
    metrics = train(make_run(ppo_settings | {"steps": 1, "batch_size": 256, "missing_eos_penalty": 0.0}))
    assert metrics["normalised_score"] == pytest.approx(0, abs=0.2)


def test_a_random_qwen3_is_trained_too(
    qwen3: Path, ppo_settings: dict[str, Any], make_run: Make, tmp_path: Path
) -> None:
    make_reward(qwen3, tmp_path / "qwen3-reward")
    settings = {
        "base_model": str(qwen3),
        "reward_adapter": str(tmp_path / "qwen3-reward"),
        "whiten_rewards": True,
    }
    metrics = train(make_run(ppo_settings | settings))
    assert metrics["steps"] == 4 and metrics["kl"] != 0


def test_a_base_in_bfloat16_is_trained_too(ppo_settings: dict[str, Any], make_run: Make) -> None:
    folder = make_run(ppo_settings | {"dtype": "bfloat16"})
    assert train(folder)["steps"] == 4
    _, weights = read_adapter(folder / "output")
    assert {value.dtype for value in weights.values()} == {torch.float32}


def test_a_loss_that_is_no_number_ends_the_run(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make, tmp_path: Path
) -> None:
    base = SharedBase(load_base(str(llama), "float32"))
    base.add("broken", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    base.parameters("broken")[1].data.fill_(float("nan"))
    base.save("broken", tmp_path / "broken")
    with pytest.raises(TrainingDiverged, match="no longer a finite number"):
        train(make_run(ppo_settings | {"policy_adapter": str(tmp_path / "broken")}))


def test_missing_inputs_are_named(ppo_settings: dict[str, Any], make_run: Make) -> None:
    with pytest.raises(ModelError, match=r"adapter folder .* is missing"):
        train(make_run(ppo_settings | {"reward_adapter": "nowhere"}, "a"))
    with pytest.raises(DataError, match="more than the 5"):
        train(make_run(ppo_settings | {"max_prompt_tokens": 5}, "b"))
    wrong = {"dataset": ppo_settings["dataset"] | {"sha256": "0" * 64}}
    with pytest.raises(DataError, match="its sha256 differs"):
        train(make_run(ppo_settings | wrong, "c"))
