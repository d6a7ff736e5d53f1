"""PPO: it learns what the reward wants, moves nothing else, and resumes to the bit."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from tests.rlhf.making import BAD, GOOD, QUESTIONS, conversation, make_reward, progress_of
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.errors import Cancelled, DataError, ModelError, RecipeError, TrainingDiverged, explain
from training.rlhf.model.adapters import SharedBase, lora_config, read_adapter
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.logprobs import answer_logprobs, lay_out
from training.rlhf.model.sampling import Answer, Sampling, sample
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES
from training.rlhf.stages.ppo import experience, learner
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.samples import keep_samples_until

Make = Callable[..., Path]
TEMPERATURE = PPORecipe.temperature
# The first update stays within the bound and the second does not.
LEAP = {
    "steps": 30,
    "batch_size": 128,
    "epochs": 1,
    "minibatches": 1,
    "learning_rate": 5e-3,
    "kl_coef": 0.0,
    "kl_epoch_stop": 1e9,
    "kl_stop": 1.0,
}


def open_run(folder: Path) -> tuple[RunDirectory, PPORecipe]:
    directory = RunDirectory(folder)
    directory.open()
    recipe = directory.recipe()
    assert isinstance(recipe, PPORecipe)
    return directory, recipe


def train(folder: Path) -> dict[str, float]:
    return ppo.run(*open_run(folder))


def adapter_bytes(folder: Path) -> bytes:
    return (folder / "output" / "adapter_model.safetensors").read_bytes()


def samples_of(folder: Path) -> bytes:
    return (folder / "output" / "samples.jsonl").read_bytes()


def test_a_bandit_with_a_known_best_answer_is_solved(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = {"steps": 40, "batch_size": 32, "learning_rate": 2e-3, "kl_coef": 0.1}
    folder = make_run(ppo_settings | settings)
    train(folder)
    before, after = answers_of(llama, None), answers_of(llama, folder / "output")
    assert before[GOOD] < 0.6 and before[BAD] > 0.35
    assert after[GOOD] > 0.7 and after[BAD] < 0.1
    lines = progress_of(folder)
    assert lines[-1]["metrics"]["kl"] > 0.3 and lines[0]["metrics"]["kl"] == pytest.approx(0, abs=1e-3)


def answers_of(base_model: Path, adapter: Path | None) -> Counter[str]:
    """How often a version gives each answer, as shares."""
    answers, tokenizer, _ = draw(base_model, adapter)
    counts = Counter(chat.decode(tokenizer, answer.tokens) for answer in answers)
    return Counter({text: count / len(answers) for text, count in counts.items()})


def kl_of(base_model: Path, adapter: Path) -> float:
    """KL per answer of a version to the base, in nats."""
    _, _, kl = draw(base_model, adapter)
    return kl


def draw(base_model: Path, adapter: Path | None) -> tuple[list[Answer], PreTrainedTokenizerBase, float]:
    """200 answers of a version, and its KL per answer to the base."""
    base, tokenizer = SharedBase(load_base(str(base_model), "float32")), load_tokenizer(str(base_model))
    if adapter is not None:
        base.load("policy", adapter)
    questions = [Prompt(question, conversation(question, GOOD)[:1]) for question in QUESTIONS]
    prompts = [chat.encode_prompt(tokenizer, each.messages) for each in questions] * 25
    how = Sampling(12, TEMPERATURE, 1.0, (tokenizer.eos_token_id,), tokenizer.pad_token_id)
    with base.use("policy" if adapter else None) as model:
        answers = sample(model, prompts, how, seed=7)
    block = lay_out(prompts, [answer.tokens for answer in answers], how.pad_id)
    with torch.no_grad(), base.use(None) as model:
        reference = float(answer_logprobs(model, block, TEMPERATURE).sum())
    return answers, tokenizer, (sum(sum(answer.logprobs) for answer in answers) - reference) / len(answers)


def test_a_high_kl_price_holds_the_policy_at_its_reference(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    kl = {}
    for price in (0.0, 3.0):
        settings = {"steps": 12, "batch_size": 16, "learning_rate": 4e-3, "kl_coef": price, "kl_stop": 1e9}
        folder = make_run(ppo_settings | settings, f"price-{price}")
        train(folder)
        kl[price] = sum(line["metrics"]["kl"] for line in progress_of(folder)[-3:]) / 3
    assert kl[3.0] < 0.4 * kl[0.0]


def test_policy_and_value_head_move_and_all_else_stays(ppo_settings: dict[str, Any], make_run: Make) -> None:
    run = ppo.PPO(*open_run(make_run(ppo_settings)))
    before = {name: value.clone() for name, value in run.base.model.state_dict().items()}
    value_before, score_before = (
        run.learner.value_head.linear.weight.clone(),
        run.reward.heads[0].linear.weight.clone(),
    )
    run.train()
    moved = {
        name for name, value in run.base.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {name for name in before if ".policy." in name}
    assert not torch.equal(run.learner.value_head.linear.weight, value_before)
    assert torch.equal(run.reward.heads[0].linear.weight, score_before)


def test_a_loaded_policy_starts_where_it_was_and_is_its_own_reference(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make
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
    metrics = progress_of(second)[0]["metrics"]
    assert abs(metrics["kl"]) < 1e-3
    expected = kl_of(llama, first / "output")
    assert expected > 0.1 and metrics["anchor_kl"] == pytest.approx(expected, rel=0.3)


def test_a_policy_that_is_anchored_anew_pays_for_its_distance_from_the_base(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    first = make_run(ppo_settings | {"learning_rate": 1e-2}, "first")
    train(first)
    settings = {"policy_adapter": str(first / "output"), "reanchor": True}
    second = make_run(ppo_settings | settings, "second")
    train(second)
    metrics = progress_of(second)[0]["metrics"]
    assert metrics["kl"] == metrics["anchor_kl"] > 0.1
    third = make_run(ppo_settings | settings | {"kl_stop": 0.01}, "third")
    with pytest.raises(RecipeError, match=r"more than kl_stop \(0.01\): raise kl_stop, or turn reanchor off"):
        train(third)


def test_a_run_whose_steps_were_lowered_below_its_checkpoint_ends_there(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings)
    with at_step(3, interrupt), pytest.raises(KeyboardInterrupt):
        train(folder)
    (folder / "recipe.json").write_text(json.dumps(ppo_settings | {"steps": 1}))
    assert train(folder)["steps"] == 2


def test_a_run_killed_and_resumed_ends_with_the_same_bytes(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    whole = make_run(ppo_settings, "whole")
    metrics = train(whole)
    again = make_run(ppo_settings, "again")
    with at_step(3, interrupt), pytest.raises(KeyboardInterrupt):
        train(again)
    latest = RunDirectory(again).latest_checkpoint()
    assert latest is not None and latest[0] == 2
    written = (latest[1] / "state.safetensors").stat().st_ino
    assert train(again) == metrics
    assert (latest[1] / "state.safetensors").stat().st_ino == written
    assert adapter_bytes(again) == adapter_bytes(whole)
    assert samples_of(again) == samples_of(whole)


def test_a_run_resumed_beyond_its_bounds_still_has_the_metrics_of_the_policy_it_saves(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = ppo_settings | LEAP | {"checkpoint_every": 1}
    metrics = train(make_run(settings, "whole"))
    again = make_run(settings, "again")
    (again / "recipe.json").write_text(json.dumps(settings | {"kl_stop": 1e9}))
    with at_step(int(metrics["steps"]) + 2, interrupt), pytest.raises(KeyboardInterrupt):
        train(again)
    (again / "recipe.json").write_text(json.dumps(settings))
    assert train(again) == metrics


def interrupt(_run: RunDirectory) -> None:
    raise KeyboardInterrupt


def cancel(run: RunDirectory) -> None:
    (run.path / "cancel").touch()


@contextmanager
def at_step(last: int, act: Callable[[RunDirectory], None]) -> Iterator[None]:
    """Do something when this step's progress is reported."""

    def progress(run: RunDirectory, step: int, _total: int, **_metrics: float) -> None:
        if step == last:
            act(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "progress", progress)
        yield


def test_a_cancelled_run_leaves_a_checkpoint_and_goes_on_from_it(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    whole = make_run(ppo_settings, "whole")
    train(whole)
    folder = make_run(ppo_settings, "cancelled")
    for _ in range(2):  # the second time at the very step that it resumed from
        with at_step(1, cancel), pytest.raises(Cancelled):
            train(folder)
        assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000001"]
    (folder / "cancel").unlink()
    train(folder)
    assert adapter_bytes(folder) == adapter_bytes(whole)


def test_a_run_cancelled_while_its_scores_are_calibrated_starts_anew(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings)
    (folder / "cancel").touch()
    with pytest.raises(Cancelled):
        ppo.PPO(*open_run(folder))
    assert not list((folder / "checkpoints").iterdir())


def test_samples_of_steps_done_again_and_torn_lines_are_dropped(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.output.mkdir()
    path = directory.output / "samples.jsonl"
    kept = [json.dumps({"step": step, "text": "a\u2028b\u2029c\x85d"}, ensure_ascii=False) for step in (0, 2)]
    path.write_bytes("\n".join([*kept, '{"step": 4, "text": "again"}', '{"step": 4, "te']).encode())
    keep_samples_until(directory, 4)
    assert path.read_bytes() == "".join(line + "\n" for line in kept).encode()
    assert [each.name for each in directory.output.iterdir()] == ["samples.jsonl"]


def test_checkpoints_hold_no_pickle(ppo_settings: dict[str, Any], make_run: Make) -> None:
    folder = make_run(ppo_settings)
    train(folder)
    files = {path.name for path in (folder / "checkpoints").rglob("*") if path.is_file()}
    assert files == {"state.safetensors", "progress.json"}


def test_the_kl_stop_ends_the_run_with_a_policy_within_bounds(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | LEAP)
    metrics = train(folder)
    assert metrics["stopped_by_kl"] == 1.0 and 0 < metrics["steps"] < 29
    assert 0 < metrics["kl"] <= 1.0
    assert kl_of(llama, folder / "output") == pytest.approx(metrics["kl"], abs=0.15)


def test_the_metrics_are_those_of_the_policy_that_is_saved(
    llama: Path, ppo_settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(ppo_settings | {"steps": 1, "batch_size": 128, "learning_rate": 1e-3, "kl_coef": 0.0})
    metrics = train(folder)
    (line,) = progress_of(folder)
    assert (line["step"], line["total"]) == (1, 1) and abs(line["metrics"]["kl"]) < 1e-3
    assert metrics["steps"] == 1 and metrics["kl"] > 0.05
    assert kl_of(llama, folder / "output") == pytest.approx(metrics["kl"], abs=0.15)


def test_passes_over_a_rollout_end_early_when_the_policy_moved_far(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    settings = {"epochs": 8, "learning_rate": 2e-2, "kl_epoch_stop": 1e-3, "kl_stop": 1e9}
    folder = make_run(ppo_settings | settings)
    train(folder)
    assert all(line["metrics"]["optimiser_steps"] < 16 for line in progress_of(folder))


def test_an_answer_without_end_is_penalised(ppo_settings: dict[str, Any], make_run: Make) -> None:
    first = {}
    for penalty in (2.0, 0.0):
        settings = {"steps": 1, "max_new_tokens": 2, "missing_eos_penalty": penalty}
        folder = make_run(ppo_settings | settings, f"penalty-{penalty}")
        train(folder)
        first[penalty] = progress_of(folder)[0]["metrics"]
    assert first[2.0]["eos_rate"] == first[0.0]["eos_rate"] < 0.5
    expected = first[0.0]["normalised_score"] - 2.0 * (1 - first[0.0]["eos_rate"])
    assert first[2.0]["normalised_score"] == pytest.approx(expected, abs=1e-5)


def test_scores_are_normalised_on_the_reference(ppo_settings: dict[str, Any], make_run: Make) -> None:
    settings = {"steps": 1, "batch_size": 256, "calibration_answers": 256, "missing_eos_penalty": 0.0}
    folder = make_run(ppo_settings | settings)
    train(folder)
    assert progress_of(folder)[0]["metrics"]["normalised_score"] == pytest.approx(0, abs=0.2)


def test_calibration_and_every_rollout_draw_from_streams_of_their_own(
    ppo_settings: dict[str, Any], make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def noted(*arguments: Any, seed: int, **settings: Any) -> list[Answer]:
        seeds.append(seed)
        return sample(*arguments, seed=seed, **settings)

    monkeypatch.setattr(ppo, "sample", noted)
    train(make_run(ppo_settings))
    assert len(seeds) == len(set(seeds)) == 1 + 4 + 1


def test_prompts_come_in_passes_that_are_shuffled_anew(ppo_settings: dict[str, Any], make_run: Make) -> None:
    run = ppo.PPO(*open_run(make_run(ppo_settings)))
    drawn = [prompt.prompt_id for prompt, _ in run._prompts(0, 32)]
    passes = [drawn[start : start + 8] for start in range(0, 32, 8)]
    assert all(sorted(each) == [f"p{i}" for i in range(8)] for each in passes)
    assert len({tuple(each) for each in passes}) == 4 and passes[0] != sorted(passes[0])
    assert [prompt.prompt_id for prompt, _ in run._prompts(13, 5)] == drawn[13:18]


def test_a_random_qwen3_is_trained_too(
    qwen3: Path, ppo_settings: dict[str, Any], make_run: Make, tmp_path: Path
) -> None:
    make_reward(qwen3, tmp_path / "qwen3-reward")
    settings = {
        "base_model": str(qwen3),
        "reward_adapter": str(tmp_path / "qwen3-reward"),
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
    with pytest.raises(ModelError, match="gives no numbers"):
        train(make_run(ppo_settings | {"policy_adapter": str(tmp_path / "broken")}, "first"))
    run = ppo.PPO(*open_run(make_run(ppo_settings)))
    run.base.parameters("policy")[1].data.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="no longer a finite number"):
        run.train()


def test_a_gradient_that_is_no_number_ends_the_run_before_it_is_followed(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    run = ppo.PPO(*open_run(make_run(ppo_settings)))
    weight = run.base.parameters("policy")[1]
    weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingDiverged, match="no longer a finite number"):
        run.train()
    assert weight.isfinite().all()


@pytest.mark.parametrize("module", [experience, learner])
def test_a_micro_batch_without_memory_names_the_setting_that_changes_nothing_else(
    module: ModuleType, ppo_settings: dict[str, Any], make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "answer_logprobs", no_memory)
    directory, recipe = open_run(make_run(ppo_settings))
    with pytest.raises(MemoryError) as error:
        STAGES["ppo"].run(directory, recipe)
    assert "lower micro_batch_size (now 16) or lower batch_size" in explain(error.value, vars(recipe))[0]


def test_missing_inputs_are_named(ppo_settings: dict[str, Any], make_run: Make) -> None:
    with pytest.raises(ModelError, match=r"adapter folder .* is missing"):
        train(make_run(ppo_settings | {"reward_adapter": "nowhere"}, "a"))
    with pytest.raises(DataError, match=r"No prompt fits: .* more than the 5"):
        train(make_run(ppo_settings | {"max_prompt_tokens": 5}, "b"))
    wrong = {"dataset": ppo_settings["dataset"] | {"sha256": "0" * 64}}
    with pytest.raises(DataError, match="its sha256 is"):
        train(make_run(ppo_settings | wrong, "c"))
