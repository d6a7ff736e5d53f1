"""The reward stage: what moves, what is saved, what is counted and what is refused."""

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase

from tests.rlhf.engine import kill_after_checkpoint, log_of, start, status_of, wait_for_checkpoint
from tests.rlhf.making import (
    BAD,
    GOOD,
    THINGS,
    conversation,
    error_of,
    load_shared,
    progress_of,
    write_rows,
)
from training.rlhf.__main__ import main
from training.rlhf.data.chat import encode_conversation
from training.rlhf.data.padding import pad
from training.rlhf.data.seen_prompts import read_unseen
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.kernels.linear import Linear, LoRALinear
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.reward_head import combine, load_reward, score_sequences
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.reward.trainer import load_classifier, score_with


def make_rows(**changes: Any) -> list[dict[str, Any]]:
    """Preferences for GOOD over BAD: six prompts to learn from, two held out."""
    return [
        {
            "prompt": [{"role": "user", "content": f"Is {thing} good?"}],
            "chosen": [{"role": "assistant", "content": GOOD}],
            "rejected": [{"role": "assistant", "content": BAD}],
            "prompt_id": thing,
            "comparison_id": f"{thing}-{vote}",
            "weight": 1.0,
            "votes": 1,
            "split": "held_out" if thing in ("fog", "moss") else "train",
            **changes,
        }
        for thing in THINGS
        for vote in range(4)
    ]


@pytest.fixture
def make_reward_run(llama: Path, tmp_path: Path, make_run: Callable[..., Path]) -> Callable[..., Path]:
    """Make a run directory of a few seconds for these rows."""

    def make(rows: list[dict[str, Any]], name: str = "run", **changes: Any) -> Path:
        settings = {
            "stage": "reward",
            "base_model": str(llama),
            "dataset": write_rows(tmp_path / f"{name}.jsonl", rows),
            "threads": 1,
            "lora_r": 4,
            "batch_size": 8,
            "max_steps": 12,
            "learning_rate": 1e-2,
        }
        return make_run(settings | changes, name)

    return make


def held_out_sequences(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Chosen and rejected of every held-out row, in turn."""
    return [
        encode_conversation(tokenizer, row["prompt"] + row[side])
        for row in make_rows()
        if row["split"] == "held_out"
        for side in ("chosen", "rejected")
    ]


def held_out_rewards(run: Path) -> torch.Tensor:
    """Rewards of chosen and rejected as output/held_out.jsonl tells them, (pairs, 2)."""
    lines = [json.loads(line) for line in (run / "output" / "held_out.jsonl").read_text().splitlines()]
    return torch.tensor([[line["chosen_reward"], line["rejected_reward"]] for line in lines])


def metrics_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "result.json").read_text())["metrics"]


def test_learns_the_preference_with_adapter_and_head_while_the_base_stays(
    make_reward_run: Callable[..., Path], llama: Path
) -> None:
    before = load_file(llama / "model.safetensors")
    run = make_reward_run(make_rows())
    assert main(["reward", str(run)]) == 0
    metrics = metrics_of(run)
    assert metrics["train_pairs"] == 24 and metrics["held_out_pairs"] == 8
    assert metrics["accuracy"] == 1
    saved = load_file(run / "output" / "adapter_model.safetensors")
    assert all(bool(saved[name].any()) for name in saved if "lora_B" in name)
    assert [name for name in saved if "lora_" not in name] == ["base_model.model.score.weight"]
    after = load_file(llama / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_saved_reward_model_gives_the_same_scores_however_it_is_loaded(
    make_reward_run: Callable[..., Path], llama: Path
) -> None:
    run = make_reward_run(make_rows())
    assert main(["reward", str(run)]) == 0
    reported = held_out_rewards(run)

    tokenizer = load_tokenizer(str(llama))
    sequences = held_out_sequences(tokenizer)
    classifier = AutoModelForSequenceClassification.from_pretrained(llama, num_labels=1)
    classifier.config.pad_token_id = tokenizer.pad_token_id
    classifier = PeftModel.from_pretrained(classifier, run / "output").eval()
    ids, mask = pad(sequences, tokenizer.pad_token_id)
    with torch.no_grad():
        by_peft = classifier(input_ids=ids, attention_mask=mask).logits.view(-1, 2)
    base = SharedBase(load_base(str(llama), "float32"))
    model = load_reward(base, run / "output")
    by_engine = score_sequences(base, model, sequences, tokenizer.pad_token_id)[0].view(-1, 2)
    torch.testing.assert_close(by_peft, reported, rtol=0, atol=1e-6)
    torch.testing.assert_close(by_engine, reported, rtol=0, atol=1e-6)


def test_on_a_base_in_bfloat16_adapter_and_head_are_float32_and_score_as_they_did(
    make_reward_run: Callable[..., Path], llama: Path
) -> None:
    run = make_reward_run(make_rows(), dtype="bfloat16")
    assert main(["reward", str(run)]) == 0
    saved = load_file(run / "output" / "adapter_model.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.float32}
    assert any(not torch.equal(value, value.bfloat16().float()) for value in saved.values())
    reported = held_out_rewards(run)
    base = SharedBase(load_base(str(llama), "bfloat16"))
    model = load_reward(base, run / "output")
    tokenizer = load_tokenizer(str(llama))
    scores = score_sequences(base, model, held_out_sequences(tokenizer), tokenizer.pad_token_id)[0]
    torch.testing.assert_close(scores.view(-1, 2), reported, rtol=0, atol=0.05)


def test_a_pair_counts_by_its_weight(make_reward_run: Callable[..., Path]) -> None:
    rows = make_rows()
    against = [{**row, "chosen": row["rejected"], "rejected": row["chosen"], "weight": 0.01} for row in rows]
    votes = [*rows, *(row for row in against for _ in range(3) if row["split"] == "train")]
    run = make_reward_run(votes)
    assert main(["reward", str(run)]) == 0
    assert metrics_of(run)["accuracy"] == 1


def test_too_few_pairs_are_refused_with_both_numbers(make_reward_run: Callable[..., Path]) -> None:
    run = make_reward_run(make_rows(), min_pairs=500)
    assert main(["reward", str(run)]) == 1
    assert (
        "has 24 training pairs" in error_of(run)["reason"] and "needs at least 500" in error_of(run)["reason"]
    )


def test_pairs_that_a_split_of_another_name_holds_out_are_told(make_reward_run: Callable[..., Path]) -> None:
    run = make_reward_run(make_rows(split="training"))
    assert main(["reward", str(run)]) == 1
    assert "32 more are held out, for their split is not train" in error_of(run)["reason"]


def test_held_out_pairs_are_never_learned_from(make_reward_run: Callable[..., Path]) -> None:
    run = make_reward_run(make_rows(split="held_out"))
    assert main(["reward", str(run)]) == 1
    assert "has 0 training pairs" in error_of(run)["reason"]


def test_held_out_pairs_may_have_a_file_of_their_own(
    make_reward_run: Callable[..., Path], tmp_path: Path
) -> None:
    (row,) = [each for each in make_rows() if each["comparison_id"] == "fog-0"]
    held_out = write_rows(tmp_path / "held_out.jsonl", [row | {"split": "train"}])
    run = make_reward_run(make_rows(), max_steps=1, held_out=held_out)
    assert main(["reward", str(run)]) == 0
    assert metrics_of(run)["train_pairs"] == 24 and metrics_of(run)["held_out_pairs"] == 9


@pytest.mark.parametrize("named", ["rain", None])
def test_a_prompt_that_is_learned_from_and_held_out_is_refused_by_its_name(
    named: str | None, make_reward_run: Callable[..., Path], tmp_path: Path
) -> None:
    held_out = write_rows(tmp_path / "held_out.jsonl", [make_rows()[0] | {"prompt_id": named}])
    run = make_reward_run(make_rows(), held_out=held_out)
    assert main(["reward", str(run)]) == 1
    assert re.search(rf"prompt {named or '[0-9a-f]{16}'} is among the training rows", error_of(run)["reason"])


def test_pairs_that_are_too_long_are_counted(make_reward_run: Callable[..., Path]) -> None:
    long = make_rows(chosen=[{"role": "assistant", "content": GOOD * 50}])
    run = make_reward_run([*make_rows(), *long[:3]])
    assert main(["reward", str(run)]) == 0
    assert metrics_of(run)["overlong_pairs"] == 3 and metrics_of(run)["train_pairs"] == 24
    refused = make_reward_run(long, "refused")
    assert main(["reward", str(refused)]) == 1
    assert "32 more are longer than 256 tokens" in error_of(refused)["reason"]


def test_without_held_out_pairs_there_is_no_accuracy(make_reward_run: Callable[..., Path]) -> None:
    run = make_reward_run(make_rows(split="train"), max_steps=1)
    assert main(["reward", str(run)]) == 0
    assert "accuracy" not in metrics_of(run)


def test_stopped_and_resumed_ends_with_the_same_weights(make_reward_run: Callable[..., Path]) -> None:
    whole, stopped = make_reward_run(make_rows(), "whole"), make_reward_run(make_rows(), "stopped")
    assert main(["reward", str(whole)]) == 0
    (stopped / "cancel").touch()
    assert main(["reward", str(stopped)]) == 3
    (stopped / "cancel").unlink()
    assert main(["reward", str(stopped)]) == 0
    first, second = (load_file(run / "output" / "adapter_model.safetensors") for run in (whole, stopped))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_killed_and_resumed_ends_with_the_same_bytes_and_trains_no_finished_member_again(
    make_reward_run: Callable[..., Path],
) -> None:
    settings = {"ensemble_size": 2, "checkpoint_every": 2, "max_steps": 10}
    whole, killed = (make_reward_run(make_rows(), name, **settings) for name in ("whole", "killed"))
    assert main(["reward", str(whole)]) == 0
    kill_after_checkpoint("reward", killed, 10 + 2)  # in the second member
    first_member = killed / "output" / "member-0"
    finished = first_member.stat()
    assert main(["reward", str(killed)]) == 0
    assert first_member.stat() == finished
    one, other = (json.loads((run / "result.json").read_text()) for run in (whole, killed))
    assert other["resumed_from"] == 12 and other["metrics"] == one["metrics"]
    # Transformers writes into one whether it was offline, which new processes only know; the card says
    # how long the run took.
    varying = ("tokenizer_config.json", "README.md")
    files = [
        {name: sha256 for name, sha256 in each["files"].items() if not name.endswith(varying)}
        for each in (one, other)
    ]
    assert files[0] == files[1] and "member-1/adapter_model.safetensors" in files[0]
    steps = [line["step"] for line in progress_of(whole)]
    assert steps == sorted(set(steps)) and steps[-1] == progress_of(whole)[-1]["total"] == 20


def test_members_leave_out_folds_that_cover_the_prompts_and_their_mean_is_the_reward(
    make_reward_run: Callable[..., Path], llama: Path
) -> None:
    run = make_reward_run(make_rows(), ensemble_size=3, max_steps=8)
    assert main(["reward", str(run)]) == 0
    folders = [run / "output" / f"member-{number}" for number in range(3)]
    reports = [json.loads((folder / "report.json").read_text()) for folder in folders]
    left_out = [prompt for report in reports for prompt in report["training"]["left_out_prompts"]]
    assert sorted(left_out) == sorted(set(THINGS) - {"fog", "moss"})
    assert len({report["training"]["seed"] for report in reports}) == 3
    learned = sorted(set(left_out))
    unseen = read_unseen(run / "output", [conversation(f"Is {it} good?", "")[:1] for it in learned], 3)
    assert unseen is not None
    assert unseen.tolist() == [
        [prompt in report["training"]["left_out_prompts"] for prompt in learned] for report in reports
    ]
    weights = [load_file(folder / "adapter_model.safetensors") for folder in folders]
    assert not any(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

    tokenizer = load_tokenizer(str(llama))
    base = load_shared(llama)
    model = load_reward(base, run / "output")
    assert len(model.names) == 3
    scores = score_sequences(base, model, held_out_sequences(tokenizer), tokenizer.pad_token_id)
    torch.testing.assert_close(combine(scores).view(-1, 2), held_out_rewards(run), rtol=0, atol=1e-6)
    assert metrics_of(run)["accuracy"] == 1
    report = json.loads((run / "output" / "report.json").read_text())
    assert report["reward_variance"] == pytest.approx(float(scores.var(0).mean()), rel=1e-4)


def test_more_folds_than_prompts_are_refused(make_reward_run: Callable[..., Path]) -> None:
    rows = [row for row in make_rows() if row["prompt_id"] in ("rain", "fog")]
    run = make_reward_run(rows, ensemble_size=2, min_pairs=1)
    assert main(["reward", str(run)]) == 1
    assert "1 prompts, too few for the 2 folds" in error_of(run)["reason"]


def test_a_reloaded_reward_model_gives_identical_scores(
    make_reward_run: Callable[..., Path], llama: Path
) -> None:
    run = make_reward_run(make_rows())
    assert main(["reward", str(run)]) == 0
    tokenizer = load_tokenizer(str(llama))
    lean, plain = LoraConfig.from_pretrained(run / "output"), LoraConfig.from_pretrained(run / "output")
    lean._register_custom_module({Linear: LoRALinear})
    classifiers = [
        PeftModel.from_pretrained(load_classifier(str(llama), "float32"), run / "output", config=config)
        for config in (lean, plain)
    ]
    sequences = [tuple(ids) for ids in held_out_sequences(tokenizer)]
    distinct = sorted(set(sequences))
    scores, by_peft = (
        score_with(RunDirectory(run), classifier, distinct, tokenizer.pad_token_id)
        for classifier in classifiers
    )
    known = dict(zip(distinct, scores.tolist(), strict=True))
    reported = [
        json.loads(line)[side]
        for line in (run / "output" / "held_out.jsonl").read_text().splitlines()
        for side in ("chosen_reward", "rejected_reward")
    ]
    assert [known[ids] for ids in sequences] == reported
    assert by_peft == pytest.approx(scores, abs=1e-5)  # the same sums in peft's own order


def test_what_votes_say_is_the_label_only_when_asked_for(make_reward_run: Callable[..., Path]) -> None:
    votes = {"chosen": 5, "rejected": 4, "ties": 1}
    margins = {}
    for name, probable in (("hard", 0.55), ("soft", 0.55), ("of old datasets", None)):
        rows = make_rows(votes=votes, weight=0.1, probability=probable)
        run = make_reward_run(rows, name, soft_labels=name != "hard", max_steps=30)
        assert main(["reward", str(run)]) == 0
        margins[name] = (held_out_rewards(run)[:, 0] - held_out_rewards(run)[:, 1]).mean()
    assert margins["hard"] > 2
    assert 0 < margins["soft"] < 0.6  # towards log(0.55 / 0.45), which is 0.2
    assert margins["of old datasets"] == margins["soft"]  # the share of votes is 0.55, too


def test_a_tie_may_be_learned_from(make_reward_run: Callable[..., Path]) -> None:
    run = make_reward_run(make_rows(probability=0.5), max_steps=30)
    assert main(["reward", str(run)]) == 0
    rewards = held_out_rewards(run)
    assert (rewards[:, 0] - rewards[:, 1]).abs().max() < 0.3
    assert "accuracy" not in metrics_of(run) and metrics_of(run)["log_loss"] == pytest.approx(0.69, abs=0.02)


@pytest.mark.parametrize("wrong", [1.5, -0.1, "half", True])
def test_a_probability_that_is_none_is_refused_by_its_line(
    wrong: Any, make_reward_run: Callable[..., Path]
) -> None:
    run = make_reward_run([*make_rows(), make_rows()[0] | {"probability": wrong}])
    assert main(["reward", str(run)]) == 1
    assert "line 33: probability must lie between 0 and 1" in error_of(run)["reason"]


def test_a_full_disk_during_a_checkpoint_keeps_one_to_go_on_from(
    make_reward_run: Callable[..., Path],
) -> None:
    run = make_reward_run(make_rows(), max_steps=5000, checkpoint_every=1)
    process = start("reward", run)
    wait_for_checkpoint(process, run)
    assert process.pid is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10_000, 10_000))
    assert status_of(process) == 1, log_of(run).read_text()
    assert error_of(run)["kind"] == "disk"
    left = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert all(re.fullmatch(r"step-\d{6}", name) for name in left)
    last = int(left[-1].removeprefix("step-"))
    recipe = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps(recipe | {"max_steps": last + 2}))
    assert main(["reward", str(run)]) == 0
    assert json.loads((run / "result.json").read_text())["resumed_from"] == last
