"""One base model in several roles: adapters change what they should and nothing else."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from tests.rlhf.making import GOOD, QUESTIONS, conversation, make_reward
from training.rlhf import chat
from training.rlhf.errors import DataError, ModelError
from training.rlhf.models import (
    SharedBase,
    base_location,
    last_hidden_states,
    load_base,
    load_reward,
    load_tokenizer,
    lora_config,
    pad,
    score_sequences,
)
from training.rlhf.recipes import DatasetFile, GenerateRecipe
from training.rlhf.rundir import RunDirectory


def load(folder: Path) -> SharedBase:
    return SharedBase(load_base(str(folder), "float32"))


def with_policy(folder: Path, *, fresh: bool = False) -> SharedBase:
    base = load(folder)
    torch.manual_seed(3)
    base.add("policy", lora_config(base.model, r=4, alpha=8, target="all-linear"))
    for parameter in [] if fresh else base.parameters("policy"):
        parameter.data.normal_(0, 0.1)
    return base


IDS = torch.arange(24).reshape(2, 12) + 5


def logits(base: SharedBase, name: str | None) -> torch.Tensor:
    with torch.no_grad(), base.use(name) as model:
        return model(IDS, use_cache=False).logits


@pytest.fixture(params=["llama", "qwen3"])
def folder(request: pytest.FixtureRequest) -> Path:
    """A Llama (SmolLM2) and a Qwen3 checkpoint."""
    return request.getfixturevalue(request.param)


def test_scores_are_those_of_the_sequence_classification_model(folder: Path, tmp_path: Path) -> None:
    make_reward(folder, tmp_path)
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    tokenizer = load_tokenizer(str(folder))
    classifier.config.pad_token_id = tokenizer.pad_token_id
    classifier = PeftModel.from_pretrained(classifier, tmp_path).eval()
    rows = [chat.encode_conversation(tokenizer, conversation(q, GOOD * n)) for n, q in enumerate(QUESTIONS)]
    ids, mask = pad(rows, tokenizer.pad_token_id)
    with torch.no_grad():
        expected = classifier(input_ids=ids, attention_mask=mask).logits.squeeze(-1)
    base = load(folder)
    head = load_reward(base, tmp_path)
    scores = score_sequences(base, "reward", head, rows, tokenizer.pad_token_id, batch_size=3)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.01


def test_a_fresh_adapter_changes_nothing_and_a_trained_one_only_where_it_is_used(folder: Path) -> None:
    plain = logits(load(folder), None)
    assert torch.equal(logits(with_policy(folder, fresh=True), "policy"), plain)
    base = with_policy(folder)
    assert (logits(base, "policy") - plain).abs().max() > 0.01
    assert torch.equal(logits(base, None), plain)


def test_peft_reads_what_is_saved_and_gives_the_same_logits(folder: Path, tmp_path: Path) -> None:
    base = with_policy(folder)
    base.save("policy", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(peft(IDS).logits, logits(base, "policy"))
    again = load(folder)
    again.load("reloaded", tmp_path)
    assert torch.equal(logits(again, "reloaded"), logits(base, "policy"))


def test_a_copy_starts_equal_and_stays_when_its_source_moves(llama: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    before = logits(base, "policy")
    assert torch.equal(logits(base, "reference"), before)
    for parameter in base.parameters("policy"):
        parameter.data += 0.1
    assert not torch.equal(logits(base, "policy"), before)
    assert torch.equal(logits(base, "reference"), before)


def test_only_the_adapter_in_training_gets_gradients(llama: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    base.train("policy")
    with base.use("policy") as model:
        model(IDS).logits.sum().backward()
    moved = {name for name, parameter in base.model.named_parameters() if parameter.grad is not None}
    assert len(moved) == len(base.parameters("policy"))
    assert all(".policy." in name for name in moved)


def test_the_base_is_in_memory_once(llama: Path, reward: Path) -> None:
    base = with_policy(llama)
    base.copy("policy", "reference")
    load_reward(base, reward)
    plain = load(llama).model
    adapters = sum(
        parameter.numel() for name in ("policy", "reference", "reward") for parameter in base.parameters(name)
    )
    assert sum(p.numel() for p in base.model.parameters()) == adapters + sum(
        p.numel() for p in plain.parameters()
    )


def test_padding_on_either_side_changes_no_hidden_state(folder: Path) -> None:
    model = load_base(str(folder), "float32")
    rows = [[7, 8, 9, 10], [11, 12], [13, 14, 15, 16, 17, 18]]
    with torch.no_grad():
        alone = [last_hidden_states(model, *pad([row], 0))[0] for row in rows]
        right = last_hidden_states(model, *pad(rows, 0))
        left = last_hidden_states(model, *pad(rows, 0, left=True))
    for i, row in enumerate(rows):
        torch.testing.assert_close(right[i, : len(row)], alone[i], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(left[i, -len(row) :], alone[i], atol=1e-5, rtol=1e-4)


def test_pickled_weights_are_refused(llama: Path, tmp_path: Path) -> None:
    with_policy(llama).save("policy", tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    torch.save({}, tmp_path / "adapter_model.bin")
    weights.unlink()
    with pytest.raises(ModelError, match="other weight formats are not accepted"):
        load(llama).load("policy", tmp_path)


def test_a_base_with_pickled_weights_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(llama)
    torch.save(model.state_dict(), tmp_path / "base" / "pytorch_model.bin")
    (tmp_path / "base" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path / "base")


def test_an_adapter_that_does_not_fit_or_is_damaged_is_refused(llama: Path, tmp_path: Path) -> None:
    base = with_policy(llama)
    base.save("policy", tmp_path / "good")
    shutil.copytree(tmp_path / "good", tmp_path / "wide")
    config = json.loads((tmp_path / "good" / "adapter_config.json").read_text())
    (tmp_path / "wide" / "adapter_config.json").write_text(json.dumps(config | {"r": 8}))
    with pytest.raises(ModelError, match="other shapes"):
        load(llama).load("policy", tmp_path / "wide")
    shutil.copytree(tmp_path / "good", tmp_path / "few")
    (tmp_path / "few" / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj"]}))
    with pytest.raises(ModelError, match="does not fit the base"):
        load(llama).load("policy", tmp_path / "few")
    for broken in (b"", b"\xff" * 100):
        (tmp_path / "good" / "adapter_model.safetensors").write_bytes(broken)
        with pytest.raises(ModelError, match="is damaged"):
            load(llama).load("policy", tmp_path / "good")
    with pytest.raises(ModelError, match="missing"):
        load(llama).load("policy", tmp_path / "none")


def test_a_policy_is_no_reward_adapter(llama: Path, tmp_path: Path) -> None:
    with_policy(llama).save("policy", tmp_path)
    with pytest.raises(ModelError, match="no score head"):
        load_reward(load(llama), tmp_path)


@pytest.mark.parametrize("name", ["/nowhere/model", "models/a/b", "./model"])
def test_a_missing_model_folder_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    recipe = GenerateRecipe(base_model=name, dataset=DatasetFile("p", "0" * 64))
    with pytest.raises(ModelError, match="does not exist"):
        base_location(RunDirectory(tmp_path), recipe)


def test_the_padding_token_is_not_eos(llama: Path) -> None:
    tokenizer = load_tokenizer(str(llama))  # saved with pad = eos, as SmolLM2 is
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_tokenizer_without_chat_template_is_refused(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "base")
    for path in (tmp_path / "base").glob("chat_template*"):
        path.unlink()
    config = json.loads((tmp_path / "base" / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (tmp_path / "base" / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no chat template"):
        load_tokenizer(str(tmp_path / "base"))


def test_prompt_answer_and_ending_are_the_tokens_of_the_whole_conversation(llama: Path) -> None:
    tokenizer = load_tokenizer(str(llama))
    for question in QUESTIONS:
        whole = conversation(question, GOOD)
        prompt = chat.encode_prompt(tokenizer, whole[:1], longest=100)
        answer = [*tokenizer.encode(GOOD), tokenizer.eos_token_id]
        assert prompt + answer + chat.ending(tokenizer) == chat.encode_conversation(tokenizer, whole)
        assert chat.decode(tokenizer, answer) == GOOD


def test_a_prompt_that_is_too_long_is_refused(llama: Path) -> None:
    with pytest.raises(DataError, match="more than the 5"):
        chat.encode_prompt(load_tokenizer(str(llama)), conversation(QUESTIONS[0], GOOD)[:1], longest=5)
