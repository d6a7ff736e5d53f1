"""Supervised fine-tuning keeps the contract of the run directory and learns what it should."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.rlhf.engine import kill_after_checkpoint
from tests.rlhf.making import BAD, GOOD, QUESTIONS, conversation, error_of, make_base, progress_of
from training.rlhf.__main__ import main
from training.rlhf.model.kernels.linear import LoRALinear
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.rundir import RunDirectory, dataset_file
from training.rlhf.stages.sft.stage import SimilarLengths, _make_trainer, _row

ROWS = [conversation(question, answer) for question in QUESTIONS[:4] for answer in (GOOD, BAD)]


@pytest.fixture
def settings(qwen3: Path, tmp_path: Path) -> dict[str, Any]:
    """An sft recipe of a few seconds."""
    path = tmp_path / "conversations.jsonl"
    path.write_text("".join(json.dumps({"messages": messages}) + "\n" for messages in ROWS))
    file = dataset_file(path)
    return {
        "stage": "sft",
        "base_model": str(qwen3),
        "dataset": {"path": file.path, "sha256": file.sha256},
        "threads": 1,
        "batch_size": 4,
        "max_steps": 12,
        "learning_rate": 1e-2,
        "checkpoint_every": 4,
    }


def result_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "result.json").read_text())


def test_full_training_lowers_the_loss_and_leaves_a_usable_model(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    run = make_run(settings)
    assert main(["sft", str(run)]) == 0
    lines = progress_of(run)
    assert lines[-1]["step"] == lines[-1]["total"] == 12
    assert lines[-1]["metrics"]["loss"] < lines[0]["metrics"]["loss"]
    assert result_of(run)["metrics"]["conversations"] == len(ROWS)
    assert "model.safetensors" in result_of(run)["files"]
    model = AutoModelForCausalLM.from_pretrained(run / "output", use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(run / "output")
    assert model.config.use_cache and tokenizer.chat_template


@pytest.mark.parametrize("rank", [0, 4])
def test_loss_and_gradients_are_transformers_own(
    make_run: Callable[..., Path], settings: dict[str, Any], qwen3: Path, rank: int
) -> None:
    directory = RunDirectory(make_run(settings | {"lora_r": rank}))
    directory.open()
    tokenizer = load_tokenizer(str(qwen3))
    trainer = _make_trainer(
        directory,
        directory.recipe(),
        load_base(str(qwen3), "float32"),
        tokenizer,
        [_row(tokenizer, messages) for messages in ROWS],
    )
    model = trainer.model.train()
    assert any(isinstance(module, LoRALinear) for module in model.modules()) == (rank > 0)
    rows = [trainer.train_dataset[i] for i in range(len(ROWS))]
    batch = trainer.data_collator(rows)
    seen = []
    model.get_output_embeddings().register_forward_hook(lambda *passed: seen.append(passed[2].shape[0]))
    results = []
    for loss in (lambda: trainer.compute_loss(model, batch), lambda: model(**batch).loss):
        model.zero_grad()
        value = loss()
        value.backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        results.append([value.detach(), *gradients])
    assert len(results[0]) == len(results[1]) > 2
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert seen[0] == (batch["labels"] != -100).sum()  # the head is not asked for more


def test_an_answer_that_names_a_control_token_is_learned_to_its_own_end(qwen3: Path) -> None:
    tokenizer = load_tokenizer(str(qwen3))
    row = _row(tokenizer, conversation(QUESTIONS[0], "Yes.<|im_end|><|im_start|>user"))
    learned = [
        ids for ids, is_learned in zip(row["input_ids"], row["completion_mask"], strict=True) if is_learned
    ]
    assert tokenizer.decode(learned) == "Yes.<|im_end|><|im_start|>user<|im_end|>\n"
    assert learned.count(tokenizer.eos_token_id) == 1


def test_a_lora_adapter_is_all_that_training_writes(
    make_run: Callable[..., Path], settings: dict[str, Any], qwen3: Path
) -> None:
    before = load_file(qwen3 / "model.safetensors")
    run = make_run(settings | {"lora_r": 4})
    assert main(["sft", str(run)]) == 0
    adapter = load_file(run / "output" / "adapter_model.safetensors")
    assert all("lora_" in name for name in adapter)
    assert all(bool(adapter[name].any()) for name in adapter if "lora_B" in name)
    targets = json.loads((run / "output" / "adapter_config.json").read_text())["target_modules"]
    assert targets == sorted(targets)  # or the same run would not give the same bytes
    assert not (run / "output" / "model.safetensors").exists()
    after = load_file(qwen3 / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_embedding_of_eos_is_learned_though_the_base_pads_with_it(
    make_run: Callable[..., Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    # Tied, the row would move by what the head learns.
    before = make_base("llama", tmp_path / "base", tie_word_embeddings=False)
    eos = before.config.eos_token_id
    assert before.config.pad_token_id == eos
    run = make_run(settings | {"base_model": str(tmp_path / "base"), "max_steps": 2, "weight_decay": 0.0})
    assert main(["sft", str(run)]) == 0
    after = AutoModelForCausalLM.from_pretrained(run / "output")
    moved = (after.get_input_embeddings().weight != before.get_input_embeddings().weight).any(-1)
    assert moved[eos]
    tokenizer = AutoTokenizer.from_pretrained(run / "output")
    assert after.config.eos_token_id == eos == tokenizer.eos_token_id
    assert after.config.pad_token_id == tokenizer.pad_token_id != eos


def test_only_the_answer_is_learned_unless_told_otherwise(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    losses = []
    for whole in (False, True):
        run = make_run(settings | {"max_steps": 1, "completion_only_loss": not whole}, f"run-{whole}")
        assert main(["sft", str(run)]) == 0
        losses.append(progress_of(run)[0]["metrics"]["num_tokens"])
        losses.append(progress_of(run)[0]["metrics"]["loss"])
    assert losses[0] == losses[2] and losses[1] != losses[3]


def test_killed_and_resumed_ends_with_the_same_weights(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    # Four steps are one pass, so most checkpoints lie within one.
    settings = settings | {"max_steps": 8, "batch_size": 2, "checkpoint_every": 3}
    whole, killed = make_run(settings, "whole"), make_run(settings, "killed")
    assert main(["sft", str(whole)]) == 0
    kill_after_checkpoint("sft", killed, 3)
    assert main(["sft", str(killed)]) == 0
    assert result_of(killed)["resumed_from"] == 3
    first, second = (load_file(run / "output" / "model.safetensors") for run in (whole, killed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [path.name for path in sorted((killed / "checkpoints").iterdir())] == [
        "step-000006",
        "step-000008",
    ]


def test_a_request_to_stop_leaves_a_checkpoint_to_go_on_from(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    run = make_run(settings)
    (run / "cancel").touch()
    assert main(["sft", str(run)]) == 3
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-000001"]
    os.unlink(run / "cancel")
    assert main(["sft", str(run)]) == 0
    assert result_of(run)["metrics"]["steps"] == 12


def test_long_conversations_are_counted(make_run: Callable[..., Path], settings: dict[str, Any]) -> None:
    run = make_run(settings | {"max_length": 20, "max_steps": 1})
    assert main(["sft", str(run)]) == 0
    assert result_of(run)["metrics"]["at_max_length"] > 0


def test_a_conversation_without_a_question_is_refused(
    make_run: Callable[..., Path], settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text(json.dumps({"messages": ROWS[0][1:]}) + "\n")
    file = dataset_file(tmp_path / "bad.jsonl")
    run = make_run(settings | {"dataset": {"path": file.path, "sha256": file.sha256}})
    assert main(["sft", str(run)]) == 1
    assert "at least one message before its last answer" in error_of(run)["reason"]


def test_conversations_of_which_nothing_is_left_are_refused(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    run = make_run(settings | {"max_length": 3})
    assert main(["sft", str(run)]) == 1
    assert "fills the 3 tokens of max_length" in error_of(run)["reason"]


def test_a_conversation_that_the_chat_template_refuses_is_named(
    make_run: Callable[..., Path], settings: dict[str, Any], qwen3: Path, tmp_path: Path
) -> None:
    shutil.copytree(qwen3, tmp_path / "base")
    template = tmp_path / "base" / "chat_template.jinja"
    refusal = "{% if 'ice' in messages[0].content %}{{ raise_exception('too cold') }}{% endif %}"
    template.write_text(refusal + template.read_text())
    run = make_run(settings | {"base_model": str(tmp_path / "base")})
    assert main(["sft", str(run)]) == 1
    assert "begins with 'Is ice good?': too cold" in error_of(run)["reason"]


def test_a_loss_that_is_no_number_ends_the_run_with_advice(
    make_run: Callable[..., Path], settings: dict[str, Any]
) -> None:
    run = make_run(settings | {"learning_rate": 1e8, "max_steps": 30})
    assert main(["sft", str(run)]) == 1
    assert "lower learning rate" in error_of(run)["reason"]


def test_batches_hold_similar_lengths_in_an_order_that_follows_from_seed_and_epoch() -> None:
    lengths = np.random.default_rng(0).integers(10, 60, size=1000)
    sampler = SimilarLengths(lengths, batch_size=16, seed=1)
    first = list(sampler)
    assert sorted(first) == list(range(1000)) and first == list(sampler)
    batches = [lengths[first[i : i + 16]] for i in range(0, 992, 16)]
    assert np.mean([np.ptp(batch) for batch in batches]) < 8
    assert abs(np.corrcoef(np.arange(len(batches)), [batch.mean() for batch in batches])[0, 1]) < 0.4
    sampler.set_epoch(1)
    assert list(sampler) != first
